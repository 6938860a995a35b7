"Images a second of one core through five ways to apply the five transforms: python benchmarks/loader.py [--out FILE]"
import json,statistics,time,warnings
from pathlib import Path

warnings.filterwarnings('ignore', category=FutureWarning)
import torch
from albumentations.pytorch import ToTensorV2
from fastai.vision.all import *
from fastcore.script import call_parse
import albumentations as A

from s10_fastai.augment import train_tfms
from s10_fastai.data import ImageSet,cifar_mean,cifar_std
from s10_fastai.learner import image_dls
from s10_fastai.train import _hardware,_versions

class PILAlbumentations(RandTransform):
    "The usual way to use albumentations in fastai: on the `PILImage` of a training item"
    split_idx,order = 0,2
    def __init__(self, aug): self.aug,self.p = aug,1
    def encodes(self, im:PILImage): return PILImage.create(self.aug(image=np.array(im))['image'])

class ItemSet(torch.utils.data.Dataset):
    "Plain torch data set of images and labels"
    def __init__(self, images, tfms): self.images,self.tfms = images,A.Compose([*tfms,ToTensorV2()])
    def __len__(self): return len(self.images)
    def __getitem__(self, i): return self.tfms(image=self.images.x[i])['image'],self.images.y[i]

def plain_fastai(images, bs):
    "A `DataBlock` with albumentations for four transforms and fastai's `Normalize` for the fifth"
    block = DataBlock((ImageBlock,CategoryBlock), get_x=lambda i: images.x[i], get_y=lambda i: images.y[i], splitter=lambda o: (range_of(o),[0]),
        item_tfms=PILAlbumentations(A.Compose(list(train_tfms())[1:])), batch_tfms=Normalize.from_stats(cifar_mean, cifar_std, cuda=False))
    return block.dataloaders(range_of(images), bs=bs, num_workers=0, device='cpu').train

def loaders(images, bs):
    "Name -> loader of one epoch of `images`, all in this process"
    item,batch = (image_dls(images, images[:10], bs=bs, augment=o, device='cpu').train for o in ('item','batch'))
    plain_torch = torch.utils.data.DataLoader(ItemSet(images, train_tfms()), bs, shuffle=True)
    return {'plain fastai, per item': plain_fastai(images, bs), 'torch DataLoader, per item': plain_torch, 'ours, per item': item, 'ours, per batch': batch}

def rate(dl, n):
    "Images a second of one epoch of `n` images"
    start = time.perf_counter()
    for _ in dl: pass
    return n/(time.perf_counter()-start)

@call_parse
def main(
    n:int=10_000, # Images, of random bytes
    bs:int=512, # Images per batch
    repeats:int=5, # Times each loader is measured, in turn
    out:str=None # JSON file to write
):
    "Measure the loaders side by side, on one core"
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    images = ImageSet(rng.integers(0, 256, (n,32,32,3), dtype=np.uint8), rng.integers(0, 10, n), [str(o) for o in range(10)])
    dls = loaders(images, bs)
    for dl in dls.values(): first(dl)
    runs = {k:[] for k in dls}
    for _ in range(repeats):
        for k,dl in dls.items(): runs[k].append(rate(dl, n))
    base = statistics.median(runs['plain fastai, per item'])
    for k,v in runs.items(): print(f'{k:28} {statistics.median(v):9,.0f} images/s  {statistics.median(v)/base:6.1f}x  ({min(v):,.0f} to {max(v):,.0f})')
    if out: Path(out).write_text(json.dumps(dict(n=n, bs=bs, images_per_s=runs, versions=_versions(), hardware=_hardware(torch.device('cpu'))), indent=1)+'\n')
