"""Ask a trained ResNet about images: `python app.py`, or as a Hugging Face Space.

It stands alone: `config.json`, `model.safetensors` and `examples` lie beside it."""
import json
from contextlib import suppress
from html import escape
from pathlib import Path

import gradio as gr,numpy as np,torch
from PIL import Image,ImageOps
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

here = Path(__file__).resolve().parent
cfg = json.loads((here/'config.json').read_text(encoding='utf-8'))
size,variant,vocab = (cfg[k] for k in ('image_size','variant','vocab'))
is_v2 = variant=='era_v2'

# The network

def conv(ni, nf, pool=False, act=True):
    "Conv3x3, MaxPool2 if `pool`, BatchNorm, ReLU if `act`"
    layers = nn.Conv2d(ni, nf, 3, padding=1, bias=is_v2),pool and nn.MaxPool2d(2),nn.BatchNorm2d(nf),act and nn.ReLU()
    return nn.Sequential(*filter(None, layers))

class Residual(nn.Module):
    "`X + R(X)`, where `X` halves the image; in era_v2 `X + relu(X + R(X))`"
    def __init__(self, ni, nf):
        super().__init__()
        self.X,self.R = conv(ni, nf, True),nn.Sequential(conv(nf, nf), conv(nf, nf, act=not is_v2))
    def forward(self, x): return (x := self.X(x)) + (F.relu(x+self.R(x)) if is_v2 else self.R(x))

def head(ni, n):
    "From pooled features to logits; the softmax of era_v1 comes later"
    if variant=='era_v1': return nn.Sequential(nn.Conv2d(ni, n, 1, bias=False), nn.Flatten())
    return nn.Sequential(nn.Flatten(), nn.Linear(ni, n, bias=variant!='ancestor'))

class Network(nn.Sequential):
    "Logits of normalised images (N,3,size,size)"
    def __init__(self, w):
        super().__init__()
        self.prep,self.layer1,self.layer2 = conv(3, w),Residual(w, 2*w),conv(2*w, 4*w, True)
        self.layer3,self.pool,self.head = Residual(4*w, 8*w),nn.MaxPool2d(size//8),head(8*w, len(vocab))
    def forward(self, x): return super().forward(x)/(8 if variant=='ancestor' else 1)

net = Network(cfg['width'])
net.load_state_dict(load_file(here/'model.safetensors'))
net.eval().requires_grad_(False).to(memory_format=torch.channels_last)

# Images

formats = 'JPEG PNG BMP GIF WEBP PPM TIFF AVIF JPEG2000 DIB ICO TGA QOI'.split()
Image.MAX_IMAGE_PIXELS = 50_000_000 # an image of twice as many is refused
with suppress(ImportError): # HEIC, where pillow-heif is installed
    from pillow_heif import register_heif_opener
    register_heif_opener()
    formats.append('HEIF')

def to_bytes(im):
    "Image of 16 bits scaled to 8"
    a = np.asarray(im)
    if im.mode[0]=='F' or a.min()<0 or a.max()>65535: raise ValueError('more than 16 bits')
    return Image.fromarray(((a.astype(np.int32)+128)//257).astype(np.uint8))

def read(file):
    "Image file as RGB pixels: upright, 16 bits scaled to 8, transparency on white"
    im = ImageOps.exif_transpose(Image.open(file, formats=formats))
    if im.mode[0] in 'IF': im = to_bytes(im)
    if im.has_transparency_data: im = Image.alpha_composite(Image.new('RGBA', im.size, 'white'), im.convert('RGBA'))
    return im.convert('RGB')

def fitted(im):
    "Image as large as the network takes it"
    if im.size==(size,size): return im
    if cfg['fit']=='stretch': return im.resize((size,size), Image.Resampling.BICUBIC)
    return (ImageOps.fit if cfg['fit']=='crop' else ImageOps.pad)(im, (size,size), Image.Resampling.BICUBIC)

def normalized(im):
    "Image as a batch (1,3,size,size)"
    mean,std = (torch.tensor(cfg[k])*255 for k in ('mean','std'))
    x = (torch.tensor(np.array(im)).float()-mean)*(1/std)
    return x.permute(2, 0, 1)[None].contiguous(memory_format=torch.channels_last)

def probabilities(im):
    "Of each class, for an image from `fitted`"
    with torch.inference_mode(): return net(normalized(im)).softmax(1)[0].tolist()

# Grad-CAM

layers = {"Layer1's X":'layer1.X', "Layer1's sum":'layer1', 'Layer2':'layer2', "Layer3's sum":'layer3'}

def scaled(cam): return (cam-cam.min())/(1e-7+(cam-cam.min()).max())

def gradcam(x, layer, c):
    "Map (size,size), 0..1, of where the network looks for class `c`"
    acts = []
    with net.get_submodule(layer).register_forward_hook(lambda m, i, o: acts.append(o)):
        grads, = torch.autograd.grad(net(x.requires_grad_())[0,c], acts)
    cam = F.relu((grads.mean((2,3), keepdim=True)*acts[0].detach()).sum(1, keepdim=True))
    return scaled(F.interpolate(scaled(cam), (size,size), mode='bilinear')[0,0])

def heated(im, cam, opacity):
    "The map in red over the image"
    mask = Image.fromarray((cam*opacity*255).round().byte().numpy())
    return Image.composite(Image.new('RGB', im.size, 'red'), im, mask)

# The page

def words(probs, least):
    "The answer in words"
    i = int(np.argmax(probs))
    name,p = escape(vocab[i]),f'{probs[i]:.0%}'
    if probs[i]>=least: return f'<h2>{name}</h2><p>{p} confident</p>'
    return f'<h2>Not sure</h2><p>most likely {name}, but only {p} confident; asked for {least:.0%}</p>'

def large(im): return im.resize([o*-(-256//size) for o in im.size], Image.Resampling.NEAREST)

def answer(file, least, c, layer, opacity):
    "Answer in words, probabilities, what the network gets, and the same with Grad-CAM for class `c`, or the likeliest"
    if file is None: return '',None,None,None
    try: im = fitted(read(file))
    except Exception as e: raise gr.Error('Not a readable image; expected JPEG or PNG', print_exception=False) from e
    probs = probabilities(im)
    cam = gradcam(normalized(im), layer, int(np.argmax(probs)) if c<0 else c)
    return words(probs, least),dict(zip(vocab, probs)),large(im),large(heated(im, cam, opacity))

def handed(o):
    "Path of an upload, as it came; Gradio would convert it, and take any other image of this machine"
    if o and not Path(o.path).resolve().is_relative_to(Path(file.GRADIO_CACHE).resolve()): raise gr.Error('No upload')
    return o and o.path

css = '.fill img { width:100%; height:100%; object-fit:contain; image-rendering:pixelated }'
look = dict(height=240, elem_classes='fill', buttons=['fullscreen'])
with gr.Blocks(title=cfg['title'], analytics_enabled=False) as page:
    gr.HTML(f'<h1>{escape(cfg["title"])}</h1><p>{escape(cfg["about"])}</p>')
    with gr.Row():
        with gr.Column():
            file = gr.Image(type='filepath', image_mode=None, sources=['upload','clipboard'], label='Image', **look)
            said,probs = gr.HTML(),gr.Label(label='Probabilities', num_top_classes=5, show_heading=False)
            gr.Examples([str(here/o) for o in cfg['examples']], file, label='Test images to try', cache_examples=False)
        with gr.Column():
            least = gr.Slider(0, 1, .5, step=.05, label='Not sure below this confidence')
            with gr.Row():
                seen = gr.Image(label=f'What the network gets, {size}x{size}', interactive=False, format='png', **look)
                heat = gr.Image(label='Grad-CAM', interactive=False, format='png', **look)
            names = [('the likeliest',-1), *((o,i) for i,o in enumerate(vocab))]
            c = gr.Dropdown(names, value=-1, label='Grad-CAM for the class')
            layer = gr.Radio([*layers.items()], value='layer3', label='Layer')
            opacity = gr.Slider(0, 1, .6, step=.05, label='Opacity of the heat')
    file.preprocess = handed
    asked,answers = [file,least,c,layer,opacity],[said,probs,seen,heat]
    gr.on([o.change for o in asked], answer, asked, answers, api_name='answer', trigger_mode='always_last')

if __name__=='__main__': page.launch(max_file_size='20mb', css=css)
