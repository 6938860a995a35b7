// A browser refuses workers to pages that are opened from disk; the search of the site then runs in a hidden frame
if (location.protocol === 'file:') {
  class IFrameWorker extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement('iframe')
      frame.hidden = true
      document.body.append(frame)
      this.frame = frame.contentWindow
      const load = src => new Promise((done, fail) => {
        const script = this.frame.document.createElement('script')
        Object.assign(script, {src, onload: done, onerror: fail})
        this.frame.document.body.append(script)
      })
      this.frame.importScripts = (...urls) => urls.reduce((p, o) => p.then(() => load(o)), Promise.resolve())
      this.frame.postMessage = data => this.told(data)
      this.ready = load(url)
    }
    told(data) {
      const e = new MessageEvent('message', {data})
      this.dispatchEvent(e)
      if (this.onmessage) this.onmessage(e)
    }
    postMessage(data) { this.ready.then(() => this.frame.dispatchEvent(new MessageEvent('message', {data}))) }
    terminate() { this.frame.frameElement.remove() }
  }
  window.IFrameWorker = window.Worker = IFrameWorker
}
