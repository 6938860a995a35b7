// Without this script everything on the page can be read; what needs it is hidden until the next line.
document.documentElement.classList.add('on')
const $ = (s, o=document) => o.querySelector(s), $$ = (s, o=document) => [...o.querySelectorAll(s)]
const el = (tag, props, ...kids) => { const o = Object.assign(document.createElement(tag), props); o.append(...kids); return o }
const button = (text, onclick, label) => {
  const o = el('button', {type:'button', onclick}, text)
  if (label) o.ariaLabel = label
  return o
}
const number = s => parseFloat(s.replaceAll(',', ''))
const isNumber = s => /^[-+]?[\d.,]+(e[-+]?\d+)?\s?%?( to .*)?$|^(nan|-?inf)$/i.test(s)
const content = cell => cell.dataset.v ?? cell.textContent.trim()

// Tables: their heads sort, and a button saves them
function order(table, n, up) {
  const body = table.tBodies[0], rows = [...body.rows].map(r => [content(r.cells[n]), r])
  const value = s => number(s) || (s=='' || s=='nan' ? -Infinity : s=='inf' ? Infinity : 0)
  const by = rows.every(([k]) => !k || isNumber(k)) ? (a, b) => value(a)-value(b) : new Intl.Collator('en', {numeric:true}).compare
  body.append(...rows.sort((a, b) => (up ? 1 : -1)*by(a[0], b[0])).map(o => o[1]))
}
function sortable(table) {
  const heads = $$('thead th', table)
  heads.forEach((th, n) => {
    const sort = button('', () => {
      const up = th.ariaSort!='ascending'
      heads.forEach(o => o.removeAttribute('aria-sort'))
      th.ariaSort = up ? 'ascending' : 'descending'
      order(table, n, up)
    })
    sort.append(...th.childNodes)
    th.append(sort)
  })
}
function field(cell) {
  let s = content(cell)
  if (/^[=+\-@']/.test(s) && !isNumber(s)) s = `'${s}`  // a spreadsheet must not compute it
  return /[",\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s
}
function save(table, name) {
  const txt = [...table.rows].map(r => [...r.cells].map(field).join(',')).join('\n')+'\n'
  const a = el('a', {href:URL.createObjectURL(new Blob([txt], {type:'text/csv'})), download:`${name.toLowerCase().replace(/\W+/g, '-')}.csv`})
  a.click()
  setTimeout(() => URL.revokeObjectURL(a.href), 1000)
}
for (const table of $$('table.sort, table.matrix')) {
  const box = table.parentElement, name = box.ariaLabel
  box.before(el('p', {className:'tools'}, button('Save as CSV', () => save(table, name), `Save as CSV: ${name}`)))
  if (table.matches('.sort')) sortable(table)
}
for (const pre of $$('pre.copy')) {
  const copy = button('Copy', async () => {
    try { await navigator.clipboard.writeText(pre.textContent) }
    catch { getSelection().selectAllChildren(pre); document.execCommand('copy') }
    copy.textContent = 'Copied'
  })
  pre.parentElement.before(el('p', {className:'tools'}, copy))
}

$$('.matrix a').forEach(o => { o.title = o.ariaLabel })

// Only what is wider than its place needs to be reached by keyboard
const watch = new ResizeObserver(all => all.forEach(({target}) => {
  if (target.scrollWidth>target.clientWidth) target.tabIndex = 0
  else target.removeAttribute('tabindex')
}))
$$('.scroll').forEach(o => watch.observe(o))

// Charts: one crosshair for all panels; its values are those of the table
const svg = (tag, attrs) => {
  const o = document.createElementNS('http://www.w3.org/2000/svg', tag)
  Object.entries(attrs).forEach(([k, v]) => o.setAttribute(k, v))
  return o
}
const place = (e, o) => new DOMPoint(e.clientX, e.clientY).matrixTransform(o.getScreenCTM().inverse())
function nearest(values, distance) {
  let best = 0
  values.forEach((v, i) => { if (distance(v)<distance(values[best])) best = i })
  return best
}
function crosshair(chart) {
  const range = $('input', chart), out = $('output', chart), table = $('table', chart), rows = [...table.tBodies[0].rows]
  const heads = $$('th', table).map(o => o.textContent)
  const panels = $$('.panel', chart).map(o => [$('svg', o), JSON.parse(o.dataset.places), svg('g', {class:'cross-lines'})])
  panels.forEach(([o, , g]) => o.append(g))
  const show = i => {
    const values = [...rows[i].cells].map(o => o.textContent)
    range.value = i
    range.setAttribute('aria-valuetext', values[0])
    out.replaceChildren(...heads.map((k, j) => el('span', {}, `${k} `, el('b', {}, values[j]))))
    panels.forEach(([, {x, ys, ends}, g]) => g.replaceChildren(svg('line', {x1:x[i], x2:x[i], y1:ends[0], y2:ends[1]}),
      ...ys.filter(y => y[i]!==null).map(y => svg('circle', {cx:x[i], cy:y[i], r:3}))))
  }
  range.addEventListener('input', () => show(+range.value))
  panels.forEach(([o, {x}]) => o.addEventListener('pointermove', e => {
    const at = place(e, o).x
    show(nearest(x, v => Math.abs(v-at)))
  }))
  show(rows.length-1)
}
$$('.chart').forEach(crosshair)

// Grad-CAM
const cam = $('.gradcam')
cam?.addEventListener('input', e => {
  if (e.target.type!='range') return
  $('output', cam).textContent = `${e.target.value} %`
  cam.style.setProperty('--opacity', e.target.value/100)
})

// Images of the page, from their table, in the order of the sheets
const table = $('#images')
const images = table ? [...table.tBodies[0].rows].map((row, i) => {
  const c = [...row.cells], [index, file, label, predicted] = c.map(o => o.textContent.trim())
  const top = $$('bdi', c[6]).map(o => [o.textContent, number(o.nextSibling.data)])
  row.removeAttribute('id')  // such an address opens the panel
  return {i, index, file, label, predicted, top, confidence:+c[4].dataset.v, loss:+c[5].dataset.v, nats:c[5].textContent,
    p:c[4].textContent, wrong:label!=predicted, suspect:'suspect' in row.dataset}
}) : []
const found = new Map(images.map(o => [o.index, o]))
const name = s => el('bdi', {}, s)
const tile = (o, tag='i') => { const res = el(tag, {className:'im'}); res.style.setProperty('--i', o.i); return res }
const says = o => [name(o.label), ...(o.wrong ? [' → ', name(o.predicted)] : []), ` ${Math.round(100*o.confidence)}%`]
const link = o => el('a', {className:'tile', href:`#img-${o.index}`}, tile(o), el('span', {}, ...says(o)))
let listed = images.filter(o => o.wrong)

// The panel of one image
const panel = $('#panel')
function fill(o) {
  $('h2', panel).replaceChildren(`Test image ${o.index}: `, name(o.label), ...(o.wrong ? [' taken for ', name(o.predicted)] : [', classified correctly']))
  $('.big-im', panel).style.setProperty('--i', o.i)
  $('.likely', panel).replaceChildren(...o.top.map(([k, p]) => {
    const bar = el('i', {})
    bar.style.width = `${p}%`
    return el('li', {}, el('span', {}, name(k), ` ${p.toFixed(1)}%`), bar)
  }))
  const {heats, layers} = table.dataset, has = o.i<+heats
  panel.classList.toggle('cold', !has)
  $$('.heats .im', panel).forEach((im, k) => {
    im.style.setProperty('--i', o.i)
    im.firstChild.style.setProperty('--i', has ? o.i*layers+k : 0)
  })
  $('.file', panel).replaceChildren(...(o.file ? ['File ', name(o.file), '; '] : []), `loss ${o.nats}, confidence ${o.p}`)
  panel.dataset.index = o.index
}
function route() {
  const o = found.get(location.hash.match(/^#img-(\d+)$/)?.[1])
  if (o) { fill(o); if (!panel.open) panel.showModal() } else if (panel?.open) panel.close()
}
function step(by) {
  const list = listed.some(o => o.index==panel.dataset.index) ? listed : images
  const at = list.findIndex(o => o.index==panel.dataset.index)
  location.replace(`#img-${list[(at+by+list.length)%list.length].index}`)
}
panel?.addEventListener('click', e => {
  if (e.target==panel || e.target.value=='close') panel.close()
  else if (e.target.matches('button')) step(+e.target.value)
})
panel?.addEventListener('keydown', e => {
  if (e.key=='ArrowLeft') step(-1)
  if (e.key=='ArrowRight') step(1)
})
panel?.addEventListener('close', () => {
  if (location.hash.startsWith('#img-')) history.replaceState(null, '', location.href.split('#')[0])
})
addEventListener('hashchange', route)
if (panel) route()

// The mistakes, filtered and sorted
const form = $('#filter'), orders = {confidence:o => -o.confidence, loss:o => -o.loss, unsure:o => o.confidence}
const kinds = {wrong:['mistakes', o => o.wrong], suspect:['suspected label errors', o => o.suspect], right:['correct images of this page', o => !o.wrong]}
function filter(most=60) {
  const f = form.elements, [what, of] = kinds[f.kind.value], all = images.filter(of), by = orders[f.order.value]
  listed = all.filter(o => (!f.label.value || o.label==f.label.value) && (!f.predicted.value || o.predicted==f.predicted.value)
    && o.confidence>=f.low.value/100 && (+f.high.value>=100 || o.confidence<=f.high.value/100)).sort((a, b) => by(a)-by(b) || a.index-b.index)
  $('output', form).textContent = `${listed.length.toLocaleString('en')} of ${all.length.toLocaleString('en')} ${what}`
  $('#shown').replaceChildren(el('div', {className:'tiles'}, ...listed.slice(0, most).map(link)))
  const more = $('#more')
  more.parentElement.hidden = listed.length<=most
  more.onclick = () => { filter(most+60); $$('#shown a')[most].focus() }
}
if (form) {
  form.addEventListener('input', () => filter())
  form.addEventListener('submit', e => e.preventDefault())
  filter()
}

// The map: by pointer or by slider
function embedding(map) {
  const pic = $('svg', map), tip = $('.tip', map), range = $('input', map), out = $('output', map)
  const points = $$('circle', pic), at = points.map(o => [+o.getAttribute('cx'), +o.getAttribute('cy')])
  const image = i => images[points[i].dataset.i]
  const mark = i => {
    points.forEach((o, j) => o.classList.toggle('here', i==j))
    range.value = i
    range.setAttribute('aria-valuetext', `test image ${image(i).index}`)
    out.replaceChildren(link(image(i)))
  }
  const near = e => {
    const p = place(e, pic), i = nearest(at, ([x, y]) => Math.hypot(x-p.x, y-p.y))
    return Math.hypot(at[i][0]-p.x, at[i][1]-p.y)<25 ? i : null
  }
  pic.addEventListener('pointermove', e => {
    const i = near(e), box = pic.parentElement.getBoundingClientRect()
    tip.classList.toggle('seen', i!==null)
    if (i===null) return
    mark(i)
    tip.replaceChildren(tile(image(i)), el('span', {}, ...says(image(i))))
    tip.style.left = `${Math.min(e.clientX-box.left+12, box.width-110)}px`
    tip.style.top = `${e.clientY-box.top+12}px`
  })
  pic.addEventListener('pointerleave', () => tip.classList.remove('seen'))
  pic.addEventListener('click', e => { const i = near(e); if (i!==null) location.hash = `img-${image(i).index}` })
  range.addEventListener('input', () => mark(+range.value))
  $('select', map).addEventListener('input', e => $$('g', pic).forEach(g => g.classList.toggle('dim', e.target.value && g.dataset.label!=e.target.value)))
  mark(0)
}
$$('.map').forEach(embedding)
