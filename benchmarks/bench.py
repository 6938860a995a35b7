"""Peers and ours, in turn, on one machine:

    python benchmarks/bench.py                        all parts, 25 minutes on two cores
    python benchmarks/bench.py --parts loader,tiny    some of limit, loader, tiny, train, run, scaling
    python benchmarks/bench.py --device cuda --out benchmarks/cuda.json

The peers take turns, so that a busy minute hits all of them, and each training and each whole run is a process of its own.
"""
import json,os,resource,subprocess,sys,tempfile,time,warnings
from contextlib import ExitStack
from statistics import median
from pathlib import Path

warnings.filterwarnings('ignore')
import torch
from albumentations.pytorch import ToTensorV2
from fastai.vision.all import *
from fastcore.script import call_parse
from torchvision import transforms as T
import albumentations as A

from s10_fastai.augment import BatchCompose,train_tfms
from s10_fastai.data import ImageSet,cifar_mean,cifar_std
from s10_fastai.learner import FastStep,FusedAdam,StepMemory,fit_recipe,image_dls,s10_learner,with_rates
from s10_fastai.step import CapturedGraph
from s10_fastai.resnet import CustomResNet
from s10_fastai.resnet import MaxPool2d as LeanPool
from s10_fastai.job import hardware,versions

rates = with_rates('assignment', 1e-4, 5e-3)

def random_images(n, size=32):
    "`n` images of random bytes, in ten classes"
    rng = np.random.default_rng(0)
    return ImageSet(rng.integers(0, 256, (n,size,size,3), dtype=np.uint8), rng.integers(0, 10, n), [str(o) for o in range(10)])

def plain_net(width, variant='assignment'):
    "The network as most people write it: `nn.MaxPool2d`, float32, NCHW"
    net = CustomResNet(10, width, variant)
    for m in list(net.modules()):
        for k,o in m.named_children():
            if isinstance(o, LeanPool): setattr(m, k, nn.MaxPool2d(2))
    return net

def sync(device):
    if device=='cuda': torch.cuda.synchronize()

# ---- (a) plain fastai

class PILAlbumentations(RandTransform):
    "The usual way to use albumentations in fastai: on the `PILImage` of a training item"
    split_idx,order = 0,2
    def __init__(self, aug): self.aug,self.p = aug,1
    def encodes(self, im:PILImage): return PILImage.create(self.aug(image=np.array(im))['image'])

def fastai_dls(images, bs, device='cpu', workers=0):
    "A `DataBlock` with albumentations for four transforms and fastai's `Normalize` for the fifth"
    block = DataBlock((ImageBlock,CategoryBlock), get_x=lambda i: images.x[i], get_y=lambda i: images.y[i], splitter=lambda o: (range_of(o),[0]),
        item_tfms=PILAlbumentations(A.Compose(list(train_tfms())[1:])), batch_tfms=Normalize.from_stats(cifar_mean, cifar_std, cuda=device=='cuda'))
    return block.dataloaders(range_of(images), bs=bs, num_workers=workers, device=device)

class Laps(Callback):
    "Seconds of the training part of each epoch, and memory after it"
    def __init__(self): self.secs,self.rss = [],[]
    def before_train(self): self.start = time.perf_counter()
    def after_train(self):
        sync(str(self.dls.device)[:4])
        self.secs.append(time.perf_counter()-self.start)
    def after_epoch(self): self.rss.append(int(open('/proc/self/statm').read().split()[1])*resource.getpagesize()/1e9)

def train_fastai(images, width, bs, epochs, device, workers=0):
    laps = Laps()
    learn = Learner(fastai_dls(images, bs, device, workers), plain_net(width), CrossEntropyLossFlat(), metrics=accuracy, cbs=laps)
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(epochs, 5e-3)
    return dict(secs=laps.secs)

# ---- (b) per item in PyTorch, as era_v1 does it

class ItemSet(torch.utils.data.Dataset):
    "Plain torch data set"
    def __init__(self, images, tfm): self.images,self.tfm = images,tfm
    def __len__(self): return len(self.images)
    def __getitem__(self, i): return self.tfm(self.images.x[i]),self.images.y[i]

def torch_loader(images, bs, workers=0, pin=False):
    "Per-item `DataLoader` with torchvision's transforms"
    tfm = T.Compose([T.ToPILImage(), T.RandomCrop(32, padding=4), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize(cifar_mean, cifar_std)])
    return torch.utils.data.DataLoader(ItemSet(images, tfm), bs, shuffle=True, num_workers=workers, pin_memory=pin)

def train_torch(images, width, bs, epochs, device, workers=0):
    dl,net,secs = torch_loader(images, bs, workers, device=='cuda'),plain_net(width, 'era_v1').to(device),[]
    opt = torch.optim.Adam(net.parameters(), lr=3.32e-4, weight_decay=5e-4)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, 3.32e-4, total_steps=epochs*len(dl), pct_start=5/24, div_factor=100, anneal_strategy='linear')
    for _ in range(epochs):
        start,correct,losses = time.perf_counter(),0,[]
        for x,y in dl:
            x,y = x.to(device),y.to(device)
            opt.zero_grad()
            pred = net(x)
            loss = F.cross_entropy(pred, y)
            losses.append(loss.item())
            loss.backward()
            opt.step()
            sched.step()
            correct += pred.argmax(1).eq(y).sum().item()
        secs.append(time.perf_counter()-start)
    return dict(secs=secs)

# ---- (c) a bare loop around our augmentation, network and optimizer

def train_bare(images, width, bs, epochs, device):
    x,y = (torch.from_numpy(o).to(device) for o in (images.x,images.y))
    tfms,net = BatchCompose(train_tfms()),CustomResNet(10, width, bf16=device=='cuda').to(device, memory_format=torch.channels_last)
    bn_bias = {id(p) for p in norm_bias_params(net)}
    ps,graphs,fwd,pool = list(net.parameters()),{},net,None
    opt = torch.optim.AdamW([dict(params=[p for p in ps if id(p) not in bn_bias]), dict(params=[p for p in ps if id(p) in bn_bias], weight_decay=0.)],
        weight_decay=.1, eps=1e-5, fused=True)
    if device=='cuda': fwd,pool = torch.compile(net, dynamic=False),torch.cuda.graph_pool_handle()
    def grads(x, y):
        for p in ps: p.grad = None
        loss = F.cross_entropy(fwd(x), y)
        loss.backward()
        return loss.detach(),[p.grad for p in ps]
    steps,lr,secs,ahead = epochs*-(-len(x)//bs),combined_cos(5/24, 5e-5, 5e-3, 5e-5),[],16 if device=='cuda' else 1
    mom,i = combined_cos(5/24, .95, .85, .95),0
    memory = ExitStack()
    if device=='cpu': memory.enter_context(StepMemory(bs*width<=512*16).around())
    for _ in range(epochs):
        start,losses = time.perf_counter(),[]
        for part in torch.randperm(len(x)).to(device).split(bs*ahead):
            for xb,yb in zip(tfms(x, part).split(bs), y[part].split(bs)):
                for g in opt.param_groups: g['lr'],g['betas'] = lr(i/steps),(mom(i/steps),.99)
                if device=='cuda':
                    if len(xb) not in graphs: graphs[len(xb)] = CapturedGraph(grads, (xb,yb), pool)
                    loss,gs = graphs[len(xb)](xb, yb)
                    for p,g in zip(ps, gs): p.grad = g
                else: loss,_ = grads(xb, yb)
                opt.step()
                losses.append(loss.clone())
                i += 1
        torch.stack(losses).mean().item()
        sync(device)
        secs.append(time.perf_counter()-start)
    return dict(secs=secs)

# ---- (d) ours

def train_ours(images, width, bs, epochs, device):
    laps = Laps()
    memory = [StepMemory(bs*width<=512*16)] if device=='cpu' else []
    learn = s10_learner(image_dls(images, images[:10], bs=bs, device=device), width=width, cbs=[laps,*memory])
    with learn.no_bar(), learn.no_logging(): fit_recipe(learn, rates, epochs)
    return dict(secs=laps.secs, rss=laps.rss)

trainers = {'a: plain fastai':train_fastai, 'a: plain fastai, 2 workers':partial(train_fastai, workers=2), 'b: plain PyTorch':train_torch,
    'b: plain PyTorch, 2 workers':partial(train_torch, workers=2), 'c: bare loop':train_bare, 'd: ours':train_ours}

# ---- jobs, each in a process of its own

def job_train(peer, n, width, bs=512, epochs=2, device='cpu'):
    "Images a second of the last epoch, in which nothing is new, and peak memory, GB"
    res = trainers[peer](random_images(n), width, bs, epochs, device)
    return dict(rate=n/res['secs'][-1], peak_gb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss*1024/1e9, rss_gb=res.get('rss'),
        gpu_gb=torch.cuda.max_memory_allocated()/1e9 if device=='cuda' else None)

def loader_rate(dl, n, device):
    "Images a second of one epoch"
    sync(device)
    start = time.perf_counter()
    for _ in dl: pass
    sync(device)
    return n/(time.perf_counter()-start)

def job_loader(n=10_000, bs=512, device='cpu', threads=1, repeats=5):
    "Images a second of five loaders by turns; on a CPU one core, no workers"
    torch.set_num_threads(threads)
    images = random_images(n)
    def ours(how): return image_dls(images, images[:10], bs=bs, augment=how, device=device).train
    plain_torch = torch.utils.data.DataLoader(ItemSet(images, lambda im, t=A.Compose([*train_tfms(),ToTensorV2()]): t(image=im)['image']), bs, shuffle=True)
    dls = {'plain fastai, per item':fastai_dls(images, bs, device).train, 'PyTorch and albumentations, per item':plain_torch,
        'PyTorch and torchvision, per item':torch_loader(images, bs), 'ours, per item':ours('item'), 'ours, per batch':ours('batch')}
    for dl in dls.values(): first(dl)
    res = {k:[] for k in dls}
    for _ in range(repeats):
        for k,dl in dls.items(): res[k].append(loader_rate(dl, n, device))
    return res

class Tiny(nn.Sequential):
    "A network that takes no time"
    def __init__(self): super().__init__(nn.AvgPool2d(16), nn.Flatten(), nn.Linear(12, 10))

def job_tiny(n=4800, bs=16, device='cpu', repeats=5):
    "Microseconds a step of a tiny network: the cost of everything around it"
    images,res = random_images(n),{'c: bare loop':[], 'd: ours':[], 'default Learner':[]}
    dls = image_dls(images, images[:10], bs=bs, device=device)
    net = Tiny()
    opt = torch.optim.AdamW([dict(params=[net[2].weight]), dict(params=[net[2].bias], weight_decay=0.)], weight_decay=.1, eps=1e-5, fused=True)
    lr,mom,steps = combined_cos(5/24, 5e-5, 5e-3, 5e-5),combined_cos(5/24, .95, .85, .95),n//bs
    def bare():
        start = time.perf_counter()
        x,y,tfms = dls.train.x,dls.train.y,dls.train.tfms
        for i,idxs in enumerate(torch.randperm(len(x)).split(bs)):
            for g in opt.param_groups: g['lr'],g['betas'] = lr(i/steps),(mom(i/steps),.99)
            F.cross_entropy(net(tfms(x, idxs)), y[idxs]).backward()
            opt.step()
            opt.zero_grad()
        return time.perf_counter()-start
    def learner(opt, *cbs):
        laps = Laps()
        learn = Learner(dls, Tiny(), CrossEntropyLossFlat(), opt_func=opt, metrics=accuracy, cbs=[*cbs,laps])
        with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(1, 5e-3)
        return laps.secs[0]
    for _ in range(repeats):
        for k,f in zip(res, (bare,lambda: learner(FusedAdam, FastStep()),lambda: learner(Adam))): res[k].append(f()/steps*1e6)
    return res

def flop(width):
    "Arithmetic of one training image: two operations a multiply-add, forward and twice backward, but no gradient of the image"
    net,n = CustomResNet(10, width),[]
    def count(m, x, y): n.append(m.weight.numel()*(y.shape[-1]**2 if y.ndim==4 else 1))
    for m in net.modules():
        if isinstance(m, (nn.Conv2d,nn.Linear)): m.register_forward_hook(count)
    net.eval()(torch.zeros(1,3,32,32))
    return 6*sum(n)-2*n[0]

def job_limit(device='cpu', repeats=20):
    "Best FLOP/s of a large matrix product and of the forward pass of a large 3x3 convolution, and the images a second that the faster one would give"
    n,dtype = (8192,torch.bfloat16) if device=='cuda' else (3072,torch.float32)
    a,b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    x,conv = torch.randn(n//12, 256, 16, 16),nn.Conv2d(256, 256, 3, padding=1)
    x,conv = (o.to(device, dtype, memory_format=torch.channels_last) for o in (x,conv))
    def rate(f, flop):
        secs = []
        for _ in range(repeats+1):
            sync(device)
            start = time.perf_counter()
            f()
            sync(device)
            secs.append(time.perf_counter()-start)
        return flop/min(secs[1:])
    with torch.no_grad(): peaks = dict(matmul=rate(lambda: a@b, 2*n**3), conv=rate(lambda: conv(x), 2*len(x)*256*256*9*256))
    return dict(flop_per_s=peaks, flop_per_image={w:flop(w) for w in (16,64)}, images_per_s={w:max(peaks.values())/flop(w) for w in (16,64)})

def job_scaling(device='cpu'):
    "Images a second of our loader and of training, with one thing changed at a time"
    def batch(n=10_000, bs=512, size=32):
        tfms = A.Compose([A.Normalize(cifar_mean, cifar_std), A.PadIfNeeded(size+8, size+8, border_mode=4), A.RandomCrop(size, size), A.HorizontalFlip(p=.5),
            A.CoarseDropout((1,1), (size//4,)*2, (size//4,)*2, p=.5)])
        images = random_images(n, size)
        dl = image_dls(images, images[:10], bs=bs, device=device).train.new(tfms=BatchCompose(tfms))
        first(dl)
        return median(loader_rate(dl, n, device) for _ in range(3))
    def item(workers):
        images = random_images(10_000)
        dl = image_dls(images, images[:10], bs=512, augment='item', num_workers=workers, device=device).train
        return median(loader_rate(dl, len(images), device) for _ in range(3))
    return {'loader per batch, by images':{n:batch(n=n) for n in (1000,5000,10_000,50_000)}, 'loader per batch, by batch size':{bs:batch(bs=bs) for bs in (32,128,512,2048)},
        'loader per batch, by image size':{s:batch(n=2000, size=s) for s in (32,64,96,128)}, 'loader per item, by workers':{w:item(w) for w in (0,1,2,4)}}

def in_process(job, **kw):
    "Result of `job_<job>` in a new process, with our memory settings where they are ours"
    env = dict(os.environ, THP_MEM_ALLOC_ENABLE='1') if kw.get('peer', 'c')[0] in 'cd' else os.environ
    r = subprocess.run([sys.executable, __file__, '--job', job, '--kwargs', json.dumps(kw)], capture_output=True, text=True, env=env)
    if r.returncode: raise RuntimeError(r.stderr[-2000:])
    return json.loads(r.stdout.splitlines()[-1])

def train_rounds(rounds, n, width, device, **kw):
    "`rounds` measurements of each trainer, by turns"
    res = {k:[] for k in trainers}
    for i in range(rounds):
        for k in trainers:
            res[k].append(in_process('train', peer=k, n=n, width=width, device=device, **kw))
            print(f'  width {width}, round {i+1}, {k}: {res[k][-1]["rate"]:,.1f} images/s', flush=True)
    return res

def whole_runs(rounds, device, width, limit, epochs):
    "`s10_train` on digits as a user starts it: seconds on the clock, what run.json says, peak memory"
    res = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as d:
            start = time.perf_counter()
            p = subprocess.Popen([Path(sys.executable).parent/'s10_train', '--width', str(width), '--limit', str(limit), '--epochs', str(epochs), '--device', device,
                '--out', f'{d}/run'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _,_,use = os.wait4(p.pid, 0)
            run = json.loads(Path(f'{d}/run/run.json').read_text())
            res.append(dict(wall=time.perf_counter()-start, times=run['times'], peak_gb=use.ru_maxrss*1024/1e9))
    return res

# ---- tables

def table(rows, base, unit):
    "Print medians, ratios to the row `base`, and ranges"
    m = {k:median(v) for k,v in rows.items()}
    for k,v in rows.items(): print(f'| {k} | {m[k]:,.0f} {unit} | {m[k]/m[base]:.2f} | {min(v):,.0f} to {max(v):,.0f} |')

def show(part, res):
    print(f'\n{part}')
    if part=='loader': table(res, 'plain fastai, per item', 'images/s')
    elif part=='tiny':
        table(res, 'c: bare loop', 'µs')
        for k in list(res)[1:]: print(f'{k}: {median(a-b for a,b in zip(res[k], res["c: bare loop"])):.0f} µs over the bare loop')
    elif part.startswith('train'):
        table({k:[o['rate'] for o in v] for k,v in res.items()}, 'c: bare loop', 'images/s')
        for k,v in res.items(): print(f'{k}: peak {max(o["peak_gb"] for o in v):.2f} GB')
    elif part=='run':
        for o in res: print(f'{o["wall"]:.2f} s on the clock, {o["times"]["total"]:.2f} s in run.json, {o["peak_gb"]:.2f} GB', {k:round(v, 2) for k,v in o['times'].items()})
    elif part=='limit': print({k:f'{v/1e9:,.0f} GFLOP/s' for k,v in res['flop_per_s'].items()}, {k:f'{v:,.0f} images/s' for k,v in res['images_per_s'].items()})
    else:
        for k,v in res.items(): print(k, {a:f'{b:,.0f}' for a,b in v.items()})

@call_parse
def main(
    parts:str='limit,loader,tiny,train,run,scaling', # What to measure
    device:str='cpu', # cpu or cuda
    rounds:int=5, # Measurements of each peer
    out:str=None, # JSON file to write, or to add to
    job:str=None, # For this script's own use: one measurement
    kwargs:str='{}' # and its arguments
):
    "Measure peers and ours side by side"
    if job: return print(json.dumps(globals()[f'job_{job}'](**json.loads(kwargs))))
    gpu = device=='cuda'
    res = json.loads(Path(out).read_text()) if out and Path(out).exists() else {}
    todo = {o:partial(in_process, o, device=device) for o in ('limit','loader','tiny','scaling')}
    todo['run'] = partial(whole_runs, rounds, device, 16, 1437, 2)
    for w,n in ((16,6144),(64,1536)): todo[f'train, width {w}'] = partial(train_rounds, rounds, 50_000 if gpu else n, w, device)
    for part,f in todo.items():
        if part.split(',')[0] not in parts.split(','): continue
        res[part] = f()
        show(part, res[part])
        res |= dict(versions=versions(), hardware=hardware(torch.device(device)), date=time.strftime('%Y-%m-%d'))
        if out: Path(out).write_text(json.dumps(res, indent=1)+'\n')
