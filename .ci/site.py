"Documentation site in `_docs`, built offline and without Quarto: notebooks as nbdev shows them, as pages of mkdocs-material"
import re,shutil,subprocess,sys
from pathlib import Path

import nbformat,yaml
from nbconvert import MarkdownExporter
from nbdev.config import get_config
from nbdev.serve import proc_nbs
from nbformat.v4 import new_code_cell,new_markdown_cell

root = Path(__file__).parent.parent
src,out = root/'_proc/pages',root/'_docs'
git = f'{get_config().git_url}/blob/main/'
parts = {'0':'Pieces', '1':'Engine', '2':'A run', '3':'Judging', '4':'Studies and deployment', '5':'Commands', '9':'Findings'}

def name(file):
    "Name of the page of a notebook: that of its module, as nbdev has it in docstrings"
    return Path(front(nbformat.read(file, 4).cells[0])[1].get('output-file', file.stem)).stem

def links(s):
    "Links between notebooks become links between pages, others lead to the repository"
    s = re.sub(r'\]\((?!https?:|#)([\w-]+)\.ipynb(#[\w-]+)?\)', lambda m: f']({names[m[1]]}.md{m[2] or ""})', s)
    s = re.sub(r'\]\(\.\./([\w/.-]*)\)', lambda m: f']({git}{m[1]})', s)
    return re.sub(r'\{target="_blank"[^}]*\}', '', s)

def front(c):
    "Title and promise of a page"
    meta = yaml.safe_load(c.source.strip().strip('-'))
    return f'# {meta["title"]}\n\n' + (f'> {meta["description"]}' if meta.get('description') else ''),meta

def shown(c):
    "A cell as a reader of the page sees it: what is made only to be shown comes without its code"
    if c.cell_type=='markdown': return new_markdown_cell(links(c.source))
    if '#| echo: false' in c.source: return new_markdown_cell('\n\n'.join(links(o.data['text/markdown']) for o in c.outputs if 'text/markdown' in o.get('data', {})))
    return new_code_cell(re.sub(r'^#\| .*\n?', '', c.source, flags=re.M), outputs=c.outputs)

def page(file):
    "Write the page of a notebook and its pictures; gives its title and promise"
    nb = nbformat.read(file, 4)
    head,meta = front(nb.cells[0])
    nb.cells = [new_markdown_cell(head), *map(shown, nb.cells[1:])]
    txt,res = MarkdownExporter().from_notebook_node(nb, dict(output_files_dir=f'images/{names[file.stem]}'))
    (src/f'{names[file.stem]}.md').write_text(txt)
    (src/f'images/{names[file.stem]}').mkdir(exist_ok=True)
    for k,v in res['outputs'].items(): (src/k).write_bytes(v)
    return meta

def nav(metas):
    "Start, and the notebooks by part"
    res = [{'Start':['index.md','s10_main.md']}]
    for k,title in parts.items():
        if pages := [f'{names[o]}.md' for o in sorted(metas) if o.startswith(k)]: res.append({title:pages})
    return res

def config(metas):
    "Settings of mkdocs; nothing on a page comes from another site"
    theme = dict(name='material', font=False, features=['navigation.tabs','navigation.top','content.code.copy','search.suggest'],
        palette=[dict(scheme='default', media='(prefers-color-scheme: light)'), dict(scheme='slate', media='(prefers-color-scheme: dark)')])
    return dict(site_name='s10_fastai', docs_dir='pages', site_dir=str(out), strict=True, theme=theme, nav=nav(metas),
        plugins=['search','offline'], extra_css=['wide.css'],
        extra=dict(polyfills=['iframe-worker.js'], social=[dict(icon='fontawesome/brands/github', link=get_config().git_url)]), markdown_extensions=['tables','attr_list','pymdownx.highlight','pymdownx.superfences'], use_directory_urls=False)

def llms(metas):
    "Index of the pages for language models (llmstxt.org)"
    lines = [f'- [{m["title"]}]({names[k]}.html.md): {" ".join(str(m.get("description", "")).split())}' for k,m in sorted(metas.items())]
    return '\n'.join(['# s10_fastai', '', f'> {get_config().description}', '', '## Pages', '', *lines, ''])

if __name__=='__main__':
    cache = proc_nbs(str(root/'nbs'), n_workers=0, force=True)
    shutil.rmtree(src, ignore_errors=True)
    shutil.copytree(root/'nbs/images', src/'images')
    names = {o.stem:name(o) for o in cache.glob('*.ipynb')}
    metas = {o.stem:page(o) for o in sorted(cache.glob('*.ipynb'))}
    shutil.copy(root/'.ci/iframe-worker.js', src)
    (src/'llms.txt').write_text(llms(metas))
    (src/'wide.css').write_text('.md-content table, .md-content pre {display: block; max-width: 100%; overflow-x: auto} .md-content img {max-width: 100%; height: auto}')
    (src.parent/'mkdocs.yml').write_text(yaml.safe_dump(config(metas), sort_keys=False))
    subprocess.run([sys.executable, '-m', 'mkdocs', 'build', '--quiet', '--clean', '-f', src.parent/'mkdocs.yml'], check=True)
    for o in src.glob('*.md'): shutil.copy(o, out/f'{o.stem}.html.md') # for language models
