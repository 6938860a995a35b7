"Changes of the recipe that are no setting of it, for the study `recipe-w16`: `python experiments/screens.py CHANGE SEED DATA OUT`"
import sys

import torch
from fastai.callback.core import Callback
from torch import nn
from torch.nn.utils import parametrize
from s10_fastai.train import train_run

class Times(nn.Module):
    "A parameter that is `by` times what the optimizer has: initialised and trained at `by` times the learning rate"
    def __init__(self, by):
        super().__init__()
        self.by = by
    def forward(self, w): return w*self.by

class Rescale(Callback):
    "Train some parameters as `Times` has it; the network is the same before and after"
    order = 1000 # after the network was recorded
    def __init__(self, by, select): self.by,self.select = by,select
    def before_fit(self):
        self.found = [o for o in self.model.modules() if self.select(o)]
        for m in self.found:
            for k in ('weight','bias') if isinstance(m, nn.Linear) else ('bias',):
                parametrize.register_parametrization(m, k, Times(self.by), unsafe=True)
    def after_fit(self):
        for m in self.found:
            for k in list(m.parametrizations): parametrize.remove_parametrizations(m, k)

class Dirac(Callback):
    "Initialise all convolutions but the first as a partial identity (Zagoruyko and Komodakis, 2017)"
    def before_fit(self):
        for m in self.model.modules():
            if isinstance(m, nn.Conv2d) and m.in_channels>3:
                with torch.no_grad(): nn.init.dirac_(m.weight[:min(m.in_channels, m.out_channels)])

def is_head(m): return isinstance(m, nn.Linear)
def is_norm(m): return isinstance(m, nn.BatchNorm2d)
changes = {'head-8':lambda: Rescale(1/8, is_head), 'dirac':Dirac, 'biases-4':lambda: Rescale(4, is_norm),
    'biases-16':lambda: Rescale(16, is_norm)}

if __name__=='__main__':
    change,seed,data,out = sys.argv[1:]
    train_run(data, width=16, holdout=10_000, lr=.0117, seed=int(seed), out=out, cbs=changes[change]())
