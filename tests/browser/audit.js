// What would a reader stumble over on this page? Returns a list of sentences, empty if nothing.
//
// Judged: colour contrast of every text against what lies behind it, HTML, SVG and canvas alike (WCAG 2.1: 4.5 to 1);
// size of texts; overflow of the page's width; charts that are blank, unnamed, or without a table beside them; controls
// without a name. Colours are read through a canvas, so every CSS syntax is understood. Left out: pictures behind texts.
// `charts` holds the page's ECharts by name, `least_px` the smallest text that is readable.
function audit(charts, least_px) {
  const found = [];
  const told = new Set();
  const tell = words => told.has(words) || (told.add(words), found.push(words));
  const pixel = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const colours = new Map();
  const colour = text => {
    if (!colours.has(text)) {
      pixel.clearRect(0, 0, 1, 1);
      pixel.fillStyle = 'rgba(0,0,0,0)';
      pixel.fillStyle = text;
      pixel.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data;
      colours.set(text, [r, g, b, a / 255]);
    }
    return colours.get(text);
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = rgb => {
    const [r, g, b] = rgb.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const behind = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const layer = colour(getComputedStyle(e).backgroundColor);
      if (layer[3] > 0) layers.push(layer);
      if (layer[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const dimmed = element => {
    let opacity = 1;
    for (let e = element; e; e = e.parentElement) opacity *= getComputedStyle(e).opacity;
    return opacity;
  };
  const judge = (words, ink, alpha, paper, size, where) => {
    const seen = contrast(over([...ink.slice(0, 3), ink[3] * alpha], paper), paper);
    const name = `${where}: "${words.trim().slice(0, 40)}"`;
    if (seen < 4.495) tell(`${name}: contrast ${seen.toFixed(2)} of rgb(${ink}) on rgb(${paper.slice(0, 3).map(Math.round)})`);
    if (size < least_px) tell(`${name}: ${size} px`);
  };
  const place = element => {
    const part = element.closest('[id]');
    return (part ? '#' + part.id + ' ' : '') + element.tagName.toLowerCase();
  };
  const shown = element => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });

  // --- texts of the document ---
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode, element = text.parentElement;
    if (!text.data.trim() || /^(SCRIPT|STYLE|NOSCRIPT|TITLE|DESC)$/i.test(element.tagName) || !shown(element)) continue;
    const style = getComputedStyle(element), range = document.createRange();
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (box.width <= 1 || box.height <= 1) continue; // for screen readers alone
    const drawing = element.closest('svg');
    let paper = behind(drawing ?? element), size = parseFloat(style.fontSize);
    if (drawing) {
      const x = box.x + box.width / 2, y = box.y + box.height / 2;
      for (const shape of drawing.querySelectorAll('rect,path,circle,polygon')) {
        if (shape.closest('defs') || !(shape.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
        const own = getComputedStyle(shape), fill = own.fill, at = shape.getBoundingClientRect();
        if (fill === 'none' || fill.startsWith('url') || x < at.left || x > at.right || y < at.top || y > at.bottom) continue;
        const inside = shape.getScreenCTM() && shape.isPointInFill(new DOMPoint(x, y).matrixTransform(shape.getScreenCTM().inverse()));
        const alpha = own.fillOpacity * dimmed(shape);
        if (inside) paper = over([...colour(fill).slice(0, 3), colour(fill)[3] * alpha], paper);
      }
      const to = element.getScreenCTM();
      if (to) size *= Math.hypot(to.a, to.b);
    }
    const ink = colour(drawing ? style.fill : style.color);
    judge(text.data, ink, dimmed(element) * (drawing ? style.fillOpacity : 1), paper, size, place(element));
  }

  // --- charts ---
  const flat = item => item.type === 'text' || item.type === 'tspan' || item.type === 'image';
  for (const box of document.querySelectorAll('.chart')) {
    const name = box.id || box.className;
    const labelled = box.closest('[role=img][aria-label]') ?? box.querySelector('[role=img][aria-label]');
    if (!labelled || labelled.getAttribute('aria-label').trim().length < 15) tell(`${name}: no role=img with a summary in aria-label`);
    const part = box.closest('section') ?? box.parentElement;
    const elsewhere = document.getElementById(box.getAttribute('aria-details')); // a table that another chart has, too
    if (!part.querySelector('table') && !elsewhere?.querySelector('table')) tell(`${name}: no table beside it`);
    if (!shown(box)) continue;
    const chart = charts[name.replace(/^chart-/, '')];
    const drawing = box.querySelector('svg');
    let n_shapes = drawing ? drawing.querySelectorAll('path,rect,circle,line,polyline,text').length : 0;
    for (const canvas of box.querySelectorAll('canvas')) {
      if (!canvas.width || !canvas.height) continue;
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      const data = copy.getImageData(0, 0, canvas.width, canvas.height).data, seen = new Set();
      for (let i = 0; i < data.length && seen.size < 64; i += 4) if (data[i + 3]) seen.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
      if (seen.size >= 4) n_shapes += seen.size;
    }
    if (n_shapes < 4) tell(`${name}: blank`);
    if (!chart || chart.isDisposed() || drawing) continue; // an SVG's texts were judged above
    const paper = behind(box), shapes = chart.getZr().storage.getDisplayList(true, false);
    if (!shapes.some(s => !flat(s) && !s.ignore && !s.invisible)) tell(`${name}: nothing drawn`);
    shapes.forEach((item, at) => {
      if (item.type !== 'tspan' || item.ignore || item.invisible || !String(item.style.text).trim() || !item.style.fill) return;
      const rect = item.getBoundingRect().clone(), to = item.getComputedTransform();
      if (to) rect.applyTransform(to);
      const x = rect.x + rect.width / 2, y = rect.y + rect.height / 2;
      let back = paper;
      for (const shape of shapes.slice(0, at)) {
        const style = shape.style;
        if (flat(shape) || shape.ignore || shape.invisible || typeof style.fill !== 'string' || style.fill === 'none') continue;
        if (shape.contain?.(x, y)) back = over([...colour(style.fill).slice(0, 3), colour(style.fill)[3] * (style.opacity ?? 1) * (style.fillOpacity ?? 1)], back);
      }
      const size = parseFloat(/([\d.]+)px/.exec(item.style.font)?.[1] ?? 12);
      judge(String(item.style.text), colour(item.style.fill), item.style.opacity ?? 1, back, size, name);
    });
  }

  // --- the page as a whole ---
  const wide = document.scrollingElement.scrollWidth, room = document.documentElement.clientWidth;
  if (wide > room) {
    const worst = [...document.body.querySelectorAll('*')].filter(e => Math.max(e.getBoundingClientRect().right, e.getBoundingClientRect().left + e.scrollWidth) > room + 1 && shown(e) &&
      ![...ancestors(e)].some(a => /auto|scroll|hidden|clip/.test(getComputedStyle(a).overflowX)));
    tell(`the page is ${wide} px wide in a window of ${room}: ` + worst.slice(0, 4).map(place).join(', '));
  }
  function* ancestors(e) { for (e = e.parentElement; e && e !== document.body; e = e.parentElement) yield e; }
  for (const control of document.querySelectorAll('button,select,input,textarea,summary,a[href]')) {
    if (!shown(control)) continue;
    const words = control.getAttribute('aria-label') ?? control.labels?.[0]?.textContent ?? control.textContent;
    if (!words.trim() && !control.title) tell(`${place(control)}: a control without a name`);
  }
  const ids = new Set();
  for (const { id } of document.querySelectorAll('[id]')) ids.has(id) ? tell(`#${id}: twice`) : ids.add(id);
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    if (link.hash.length > 1 && !document.getElementById(decodeURIComponent(link.hash.slice(1)))) tell(`${link.hash}: leads nowhere`);
  }
  return found;
}
