const cam = document.querySelector('.gradcam')
if (cam) cam.addEventListener('input', e => {
  if (e.target.type=='radio') cam.dataset.layer = e.target.value
  else cam.querySelector('output').value = `${e.target.value} %`, cam.style.setProperty('--opacity', e.target.value/100)
})
