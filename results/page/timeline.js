// Schedules and pipelines as bars on lanes: zoom, move, and the critical path marked.
const LANE_MOST_PX = 24, LANE_LEAST_PX = 3, BARS_LEAST_PX = 120, CHART_MOST_PX = 760;
const addTimeline = (line, number) => {
  const element = $('chart-timeline-' + number);
  if (!element) return;
  const start = f32(line.start), finish = f32(line.finish), lane = words(line.lane, line.lane_bits);
  const label = line.label === undefined ? line.labels.length === 1 ? new Uint8Array(start.length) : [...start.keys()] :
    words(line.label, line.label_bits);
  const flags = words(line.flags, 8);
  const n = start.length, end = line.end_us || 1, critical = $('timeline-critical-' + number);
  const lanes = Math.max(line.lanes.length, 1), window_ = [0, end];
  const row = Math.max(LANE_LEAST_PX, Math.min(Math.max(LANE_MOST_PX, Math.floor(BARS_LEAST_PX / lanes)), Math.floor(CHART_MOST_PX / lanes)));
  const height = row * lanes + 92;
  element.style.height = height + 'px';
  const rows = new Float64Array(4 * n);
  for (let i = 0; i < n; i++) rows.set([start[i], finish[i], lane[i], i], 4 * i);
  let last = null; // the last pixel drawn of each lane: what lies within it is not seen
  const draw = (params, api) => {
    if (params.dataIndexInside === 0 || !last) last = new Float64Array(lanes).fill(-Infinity);
    const i = api.value(3), isCritical = flags[i] >> 7, {x, width} = params.coordSys;
    const a = api.coord([start[i], lane[i]]), b = api.coord([finish[i], lane[i]])[0];
    const left = Math.max(a[0], x), right = Math.min(Math.max(b, a[0] + 0.7), x + width);
    if (right <= left || (right <= last[lane[i]] + 0.35 && !isCritical)) return null;
    last[lane[i]] = right;
    const tall = Math.max(row - (row > 40 ? 12 : row > 8 ? 3 : 1), 1), top = a[1] - tall / 2, dim = critical.checked && !isCritical;
    const fill = hue(flags[i] & 127), wide = right - left > 40 && row >= 14;
    const bar = {type: 'rect', shape: {x: left, y: top, width: Math.max(right - left - (right - left > 3 ? 0.6 : 0), 0.7), height: tall},
      style: {fill, opacity: dim ? 0.3 : 1}, emphasis: {style: {fill, opacity: dim ? 0.3 : 1, stroke: color('ink'), lineWidth: 2}}};
    const children = [bar];
    if (isCritical && critical.checked) {
      children.push({type: 'rect', silent: true, shape: {x: left, y: top + tall - Math.max(2, tall / 6), width: bar.shape.width,
        height: Math.max(2, tall / 6)}, style: {fill: color('critical')}});
    }
    if (wide) {
      children.push({type: 'text', silent: true, x: left + 4, y: a[1], style: {text: line.labels[label[i]],
        fill: dim ? color('ink') : color('onbar'), fontSize: 11, verticalAlign: 'middle', width: right - left - 8,
        overflow: 'truncate', ellipsis: '…', fontFamily: font()}});
    }
    return {type: 'group', children, $mergeChildren: false}; // else parts of other bars stay behind after a zoom
  };
  const time = us => show(us / line.unit_us) + ' ' + line.unit;
  const used = [...new Set([...flags].map(f => f & 127))].sort((a, b) => a - b);
  const build = chart => {
    const small = narrow(element), names = row >= 11, longest = Math.max(...line.lanes.map(s => s.length));
    const left = names ? Math.min(16 + 6.4 * longest, element.clientWidth * (small ? 0.34 : 0.24)) : 30;
    const zoom = {xAxisIndex: 0, filterMode: 'weakFilter', startValue: window_[0], endValue: window_[1]};
    return base(chart, {
      tooltip: tooltip({trigger: 'item', formatter: p => {
        const i = p.value[3];
        return tipOf([line.labels[label[i]], ['lane', line.lanes[lane[i]]], ['phase', line.phases[flags[i] & 127]],
          ['from', time(start[i])], ['to', time(finish[i])], ['takes', time(finish[i] - start[i])],
          ...(flags[i] >> 7 ? [['', 'on the critical path']] : [])]);
      }}),
      grid: {left, right: 20, top: 8, height: row * lanes},
      xAxis: axis({type: 'value', min: 0, max: end, name: line.unit, nameGap: 24,
        axisLabel: {color: color('soft'), formatter: v => tick(v / line.unit_us), hideOverlap: true}}),
      yAxis: axis({type: 'category', data: line.lanes, inverse: true, splitLine: {show: false},
        axisTick: {show: false}, axisLabel: {show: names, color: color('ink'), fontSize: 11, width: left - 12, overflow: 'truncate',
          formatter: v => v}, splitArea: {show: row > 6, areaStyle: {color: [color('card'), color('stripe')]}}}),
      dataZoom: printing ? [{type: 'inside', ...zoom, disabled: true}] : [
        {type: 'inside', ...zoom, zoomOnMouseWheel: 'ctrl', moveOnMouseMove: true, moveOnMouseWheel: false},
        {type: 'slider', ...zoom, height: 20, bottom: 6, showDataShadow: false, brushSelect: false, labelFormatter: time,
          borderColor: color('line'), fillerColor: color('accent') + '33', handleStyle: {color: color('accent')},
          moveHandleStyle: {color: color('soft')}, textStyle: {color: color('soft'), fontSize: 11}}],
      series: [{type: 'custom', renderItem: draw, data: rows, dimensions: ['start', 'finish', 'lane', 'bar'], clip: true,
        encode: {x: [0, 1], y: 2, tooltip: []}, progressive: 0}],
    });
  };
  const chart = add('timeline-' + number, build, self => {
    self.instance.on('datazoom', () => {
      const z = self.instance.getOption().dataZoom[0];
      window_[0] = z.startValue;
      window_[1] = z.endValue;
    });
  });
  const set = (from, to) => {
    const span = Math.min(end, Math.max(end * 1e-6, to - from)), begin = Math.min(end - span, Math.max(0, from));
    chart.instance.dispatchAction({type: 'dataZoom', startValue: begin, endValue: begin + span});
  };
  const zoom = factor => {
    const middle = (window_[0] + window_[1]) / 2, half = (window_[1] - window_[0]) / 2 * factor;
    set(middle - half, middle + half);
  };
  const move = share => set(window_[0] + share * (window_[1] - window_[0]), window_[1] + share * (window_[1] - window_[0]));
  const keys = {'+': () => zoom(0.6), '=': () => zoom(0.6), '-': () => zoom(1.7), '0': () => set(0, end),
    ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2)};
  element.onkeydown = event => { if (keys[event.key]) { event.preventDefault(); keys[event.key](); } };
  document.querySelectorAll('button[data-timeline="' + number + '"]').forEach(b => { b.onclick = () => keys[b.dataset.key](); });
  critical.onchange = () => chart.draw();
  const key = $('timeline-legend-' + number);
  if (key) {
    [...key.querySelectorAll('span[data-phase]')].forEach(s => { s.hidden = !used.includes(+s.dataset.phase); });
  }
};
