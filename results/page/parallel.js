// Parallel axes: which values do good designs have in common? A brush on any axis filters the front's chart and table.
const MOST_LINES = 2000, MOST_BEHIND = 600, MOST_AXES = 14, MOST_STEPS = 12;
const addParallel = () => {
  if (!front || !$('chart-parallel')) return;
  const varied = front.columns.filter(c => c.name !== 'design' && distinct(c, front.n).length > 1 &&
    !(c.text && c.words.length > MOST_STEPS));
  const shown = [...varied.filter(c => c.axis), ...varied.filter(c => !c.axis)].slice(0, MOST_AXES);
  const select = $('parallel-axis'), low = $('parallel-low'), high = $('parallel-high');
  const brushed = new Map(); // axis → intervals
  const steps = shown.map(c => {
    const values = distinct(c, front.n);
    return c.text || (c.axis && values.length <= MOST_STEPS) ? values : null;
  });
  const valueAt = (c, k, row, table) => {
    const from = table === front ? c : cloud.columns.find(other => other.name === c.name);
    if (!from) return NaN;
    return steps[k] ? steps[k].indexOf(from.get(row)) : from.get(row);
  };
  const pass = () => {
    if (![...brushed.values()].some(v => v.length)) return setMatches(null);
    const chosen = new Uint8Array(front.n).fill(1);
    for (const [k, intervals] of brushed) {
      if (!intervals.length) continue;
      for (let i = 0; i < front.n; i++) {
        const v = valueAt(shown[k], k, i, front);
        if (!intervals.some(([a, b]) => v >= a && v <= b)) chosen[i] = 0;
      }
    }
    setMatches(chosen);
  };
  const every = Math.ceil(front.n / MOST_LINES);
  const label = () => ({color: color('ink'), fontSize: 11, textBorderColor: color('card'),
    textBorderWidth: 3});
  const build = chart => {
    const across = !narrow(chart.element), first = front.columns[front.y], [least, most] = extent(first, front.n);
    const colors = ramp(), groups = colors.map(() => []), behind = [];
    for (let i = 0; i < front.n; i += every) {
      const share = (first.get(i) - least) / (most - least || 1);
      const k = Math.min(colors.length - 1, Math.max(0, Math.floor((share || 0) * colors.length)));
      groups[k].push(shown.map((c, a) => valueAt(c, a, i, front)));
    }
    if (cloud) {
      for (let i = 0; i < cloud.n; i += Math.ceil(cloud.n / MOST_BEHIND)) {
        const line = shown.map((c, a) => valueAt(c, a, i, cloud));
        if (line.every((v, a) => isFinite(v) && (!steps[a] || v >= 0))) behind.push(line);
      }
    }
    chart.element.style.height = across || printing ? '' : 250 + 52 * shown.length + 'px';
    const line = (name, list, stroke, more) => ({name, type: 'parallel', data: list, progressive: 0, silent: true,
      inactiveOpacity: 0.04, activeOpacity: 0.9,
      lineStyle: {color: stroke, width: front.n > 300 ? 1 : 1.8, opacity: front.n > 300 ? 0.4 : 0.75}, ...more});
    const series = groups.map((list, k) => line(first.name + ' ' + brief(least + (most - least) * k / colors.length) +
      ' – ' + brief(least + (most - least) * (k + 1) / colors.length), list, colors[k], {z: 3 + k}))
      .filter(s => s.data.length);
    if (behind.length) {
      series.unshift(line('evaluated', behind, color('cloud'), {z: 1, inactiveOpacity: 0.02, activeOpacity: 0.3,
        lineStyle: {color: color('cloud'), width: 1, opacity: 0.22}}));
    }
    const lines = legendLines(chart, series.map(s => s.name));
    return base(chart, {
      legend: legend({data: series.map(s => s.name)}),
      parallel: {layout: across ? 'horizontal' : 'vertical', left: across ? 30 : 16, right: across ? 104 : 26,
        top: (across ? 76 : 44) + 24 * lines, bottom: across ? 24 : 34,
        parallelAxisDefault: {
          nameLocation: 'end', nameGap: across ? 12 : 4,
          nameTextStyle: {color: color('ink'), fontSize: printing ? 9 : 11.5, ...(across ? {lineHeight: 13} : {align: 'right', verticalAlign: 'bottom', padding: [0, 0, 6, 0]})},
          axisLine: {lineStyle: {color: color('soft'), width: 1.2}}, axisTick: {lineStyle: {color: color('soft')}},
          axisLabel: {...label(), formatter: tick},
          areaSelectStyle: {width: 18, color: color('accent'), opacity: 0.28, borderColor: color('accent')},
        }},
      parallelAxis: shown.map((c, dim) => ({dim, id: 'axis-' + dim, name: across ? c.name.replaceAll('_', '\n') : c.name,
        ...(steps[dim] ? {type: 'category', data: steps[dim].map(v => c.text ? v : show(v)),
          axisLabel: {...label(), formatter: v => v.length > 16 ? v.slice(0, 15) + '…' : v}} : {type: 'value', scale: true})})),
      series,
    });
  };
  const chart = add('parallel', build, self => {
    self.instance.on('axisareaselected', event => {
      (event.batch || [event]).forEach(e => {
        if (e.parallelAxisId) brushed.set(+e.parallelAxisId.slice(5), (e.intervals || []).map(i => [...i].sort((a, b) => a - b)));
      });
      pass();
    });
  });
  if (!chart) return;
  /* What is brushed outlives a new drawing; only a resize draws the brushes that no pointer
   * drew, and takes the height that the axes need. */
  chart.after = () => {
    for (const [k, intervals] of brushed) {
      chart.instance.dispatchAction({type: 'axisAreaSelect', parallelAxisId: 'axis-' + k, intervals});
    }
    chart.instance.resize(printing ? {width: 700} : undefined);
  };
  chart.element.setAttribute('aria-details', 'front'); // whose table has the numbers
  /* The same by keys: an axis, and from where to where. */
  shown.forEach((c, k) => { make('option', select, c.name).value = k; });
  const ends = () => {
    const k = +select.value, c = shown[k];
    for (const e of [low, high]) e.textContent = '';
    const values = distinct(c, front.n);
    const some = values.length > 60 ? values.filter((v, i) => i % Math.ceil(values.length / 60) === 0 || i === values.length - 1) : values;
    some.forEach(v => [low, high].forEach(e => { make('option', e, c.text ? v : show(v)).value = values.indexOf(v); }));
    low.value = 0;
    high.value = values.length - 1;
  };
  select.onchange = ends;
  ends();
  const brush = intervals => {
    const k = +select.value;
    brushed.set(k, intervals);
    chart.after(chart);
    pass();
  };
  $('parallel-apply').onclick = () => {
    const k = +select.value, c = shown[k], values = distinct(c, front.n);
    const a = Math.min(+low.value, +high.value), b = Math.max(+low.value, +high.value);
    brush([steps[k] ? [a, b] : [values[a], values[b]]]);
  };
  const clear = () => {
    brushed.clear();
    chart.draw();
    setMatches(null);
  };
  $('parallel-clear').onclick = clear;
  const note = $('front-matches');
  if (note) note.querySelector('button').onclick = clear;
};
