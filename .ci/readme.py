"Write README.md from nbs/index.ipynb: its text, and what its cells printed when they were last run"
import re
from pathlib import Path

from fastcore.nbio import read_nb

root = Path(__file__).parent.parent

def links(s): return re.sub(r'\]\((?!https?:|#)(?:(\.\./)|(?=\w))', lambda m: '](' if m[1] else '](nbs/', s)

def output(o):
    "Markdown of one output of a cell"
    data = o.get('data', {})
    if 'text/markdown' in data: return ''.join(data['text/markdown'])
    return '```\n{}\n```'.format(''.join(o.get('text', data.get('text/plain', ''))).strip())

def cell(c):
    "Markdown of one cell, empty for a hidden one"
    src = ''.join(c.source)
    if c.cell_type=='markdown': return links(src)
    if src.startswith('#| hide'): return ''
    code = [] if 'echo: false' in src else [f'```python\n{src}\n```']
    return '\n\n'.join(code+[output(o) for o in c.outputs])

parts = ['<!-- Written from nbs/index.ipynb by .ci/readme.py; edit that instead -->', *map(cell, read_nb(root/'nbs/index.ipynb').cells)]
(root/'README.md').write_text('\n\n'.join(o for o in parts if o)+'\n')
