"Dependencies, commands and keywords of `settings.ini`, for setuptools; everything else stands in `pyproject.toml`"
from configparser import ConfigParser
from setuptools import setup

cfg = ConfigParser()
cfg.read('settings.ini')
cfg = cfg['DEFAULT']
statuses = {'1':'Planning', '2':'Pre-Alpha', '3':'Alpha', '4':'Beta', '5':'Production/Stable'}
extras = {k.removesuffix('_requirements'):v.split() for k,v in cfg.items() if k.endswith('_requirements')}
extras['dev'] += [o for k,v in extras.items() if k!='dev' for o in v]
commands = {'console_scripts': cfg['console_scripts'].split(), 'nbdev': ['s10_fastai=s10_fastai._modidx:d']}
classifiers = [f'Development Status :: {cfg["status"]} - {statuses[cfg["status"]]}', 'Framework :: Jupyter', 'Programming Language :: Python :: 3']

setup(install_requires=cfg['requirements'].split(), extras_require=extras, entry_points=commands,
    keywords=cfg['keywords'].split(), classifiers=classifiers)
