"Open every page of the site in `_docs` from disk: no error, no request, nothing wider than a phone, and the search finds"
from pathlib import Path

from playwright.sync_api import sync_playwright

root = Path(__file__).parent.parent/'_docs'
bad = []
with sync_playwright() as p:
    page = p.chromium.launch(executable_path='/usr/bin/chromium', args=['--no-sandbox']).new_page(viewport=dict(width=390, height=844))
    page.on('console', lambda o: bad.append((page.url, o.text)) if o.type in ('error','warning') else None)
    page.on('pageerror', lambda o: bad.append((page.url, str(o))))
    page.on('requestfailed', lambda o: 'ABORTED' in o.failure or bad.append((page.url, o.url))) # a page that is left ends its requests
    files = [o for o in sorted(root.glob('*.html')) if o.stem!='404']
    for f in files:
        page.goto(f'file://{f}')
        if (w := page.evaluate('document.documentElement.scrollWidth'))>390: bad.append((f.name, f'{w} pixels wide'))
    page.set_viewport_size(dict(width=1280, height=900))
    page.goto(f'file://{root/"index.html"}')
    page.locator('input.md-search__input').first.click()
    page.keyboard.type('find_lr')
    page.wait_for_selector('.md-search-result__item')
    found = page.locator('.md-search-result__item').first.inner_text()
    if 'find_lr' not in found: bad.append(('search', found))
assert not bad, bad
print(f'{len(files)} pages, search finds find_lr')
