// The front: designs by any two measures, before the cloud of what else was evaluated.
//
// Classes of the colour's column are series of their own: large ones stay fluid, each has a shape beside its colour, and
// the legend switches them.
const MOST_SINGLE = 2000; // more marks are drawn as one shape
const addFront = () => {
  if (!front) return;
  const numbers = front.columns.map((c, i) => i).filter(i => !front.columns[i].text);
  const fill = (id, list, chosen, none) => {
    const e = $(id);
    if (none) make('option', e, none).value = -1;
    for (const i of list) make('option', e, front.columns[i].name).value = i;
    e.value = chosen;
    e.onchange = () => chart.draw();
    return e;
  };
  const few = front.columns.map((c, i) => i).filter(i => {
    const c = front.columns[i];
    return !c.text || (c.words.length > 1 && c.words.length <= 8);
  });
  const choose = {
    x: fill('front-x', numbers, front.x), y: fill('front-y', numbers, front.y),
    colour: fill('front-colour', few, front.size, 'one colour'), size: fill('front-size', numbers, -1, 'all alike'),
  };
  const logs = {x: $('front-logx'), y: $('front-logy')}, showCloud = $('front-cloud');
  logs.x.onchange = logs.y.onchange = () => chart.draw();
  if (showCloud) showCloud.onchange = () => chart.draw();
  const passes = row => !matches || matches[row];

  /* [{name, rows, color, symbol}] */
  const classes = () => {
    const c = front.columns[choose.colour.value], all = [];
    for (let i = 0; i < front.n; i++) if (passes(i)) all.push(i);
    if (!c) return [{name: 'designs of the front', rows: all, color: hue(0), symbol: 'circle'}];
    if (c.text) {
      return c.words.map((word, k) => ({name: c.name + ': ' + (word || '–'), rows: all.filter(i => c.get(i) === word),
        color: hue(k), symbol: symbols[k % symbols.length]})).filter(s => s.rows.length);
    }
    const values = distinct(c, front.n).filter(isFinite), colors = ramp(), n = Math.min(colors.length, values.length);
    const out = [];
    for (let k = 0, from = 0; k < n; k++) {
      const to = Math.round((k + 1) * values.length / n), low = values[from], high = values[to - 1];
      out.push({name: c.name + ' ' + (low === high ? brief(low) : brief(low) + ' – ' + brief(high)) + unit(c.unit),
        rows: all.filter(i => c.get(i) >= low && c.get(i) <= high),
        color: colors[n > 1 ? Math.round(k * (colors.length - 1) / (n - 1)) : 0],
        symbol: symbols[[0, 3, 1, 2, 0, 3][k]]});
      from = to;
    }
    return out.filter(s => s.rows.length);
  };
  /* The designs that no other beats in the two chosen measures. */
  const stair = (cx, cy) => {
    const sx = cx.better === 'max' ? -1 : 1, sy = cy.better === 'max' ? -1 : 1, rows = [];
    for (let i = 0; i < front.n; i++) if (isFinite(cx.get(i)) && isFinite(cy.get(i)) && passes(i)) rows.push(i);
    rows.sort((a, b) => sx * (cx.get(a) - cx.get(b)) || sy * (cy.get(a) - cy.get(b)));
    let best = Infinity;
    return rows.filter(i => sy * cy.get(i) < best && ((best = sy * cy.get(i)), true));
  };
  const points = (table, rows, cx, cy) => {
    const out = new Float64Array(3 * rows.length);
    rows.forEach((row, k) => { out[3 * k] = cx.get(row); out[3 * k + 1] = cy.get(row); out[3 * k + 2] = row; });
    return out;
  };
  const scatter = (name, table, rows, cx, cy, more) => ({
    id: name, name, type: 'scatter', dimensions: ['x', 'y', 'row'], encode: {x: 0, y: 1, tooltip: []},
    data: points(table, rows, cx, cy), large: true, largeThreshold: MOST_SINGLE, cursor: 'pointer', ...more,
  });

  const build = chart => {
    const cx = front.columns[choose.x.value], cy = front.columns[choose.y.value];
    const cs = front.columns[choose.size.value], small = narrow(chart.element);
    const [least, most] = cs ? extent(cs, front.n) : [0, 1];
    const area = row => cs ? 6 + 18 * Math.sqrt(Math.max(0, (cs.get(row) - least) / (most - least || 1))) : 0;
    const series = [];
    if (cloud && showCloud && showCloud.checked) {
      const at = c => cloud.columns.find(other => other.name === c.name);
      const rows = [...Array(cloud.n).keys()];
      if (at(cx) && at(cy)) {
        series.push(scatter('evaluated', cloud, rows, at(cx), at(cy),
          {symbolSize: 3, largeThreshold: 400, itemStyle: {color: color('cloud'), opacity: 0.7}, z: 1, silent: printing}));
      }
    }
    if (cx.better && cy.better && cx !== cy) {
      series.push({id: 'stair', name: 'unbeaten in these two', type: 'line', step: 'end', symbol: 'none', silent: true,
        data: stair(cx, cy).map(i => [cx.get(i), cy.get(i)]), z: 2,
        lineStyle: {color: color('soft'), type: 'dashed', width: 1.4}, itemStyle: {color: color('soft')}});
    }
    const list = classes();
    list.forEach((s, k) => series.push(scatter(s.name, front, s.rows, cx, cy, {
      symbol: s.symbol, z: 4 + k, symbolSize: cs ? value => area(value[2]) : s.symbol === 'circle' ? 10 : 11,
      itemStyle: {color: s.color, opacity: 0.9, borderColor: color('card'), borderWidth: front.n > 400 ? 0 : 1},
      emphasis: {scale: 1.4, itemStyle: {borderColor: color('ink'), borderWidth: 2}},
    })));
    if (front.best >= 0 && passes(front.best)) {
      series.push(scatter('best', front, [front.best], cx, cy, {symbol: star, symbolSize: 21, z: 30,
        itemStyle: {color: color('mark'), opacity: 1, borderColor: color('card'), borderWidth: 1.5},
        label: {show: true, formatter: 'best', position: 'top', color: color('mark'), fontWeight: 600}}));
    }
    if (opened) {
      const c = opened.table === front ? [cx, cy] : [cx, cy].map(a => cloud.columns.find(b => b.name === a.name));
      series.push(scatter('open', opened.table, [opened.row], c[0], c[1], {symbol: 'emptyCircle', symbolSize: 24, z: 31,
        silent: true, itemStyle: {color: color('ink'), borderWidth: 2.5}}));
    }
    const log = which => logs[which].checked;
    const names = series.map(s => s.name).filter(n => n !== 'open'), lines = legendLines(chart, names);
    return base(chart, {
      legend: legend({data: names}),
      grid: {left: small ? 62 : 78, right: 18, top: 18 + 24 * lines, bottom: 48},
      tooltip: tooltip({trigger: 'item', formatter: p => {
        const table = p.seriesName === 'evaluated' ? cloud : front, row = p.value[2];
        return tipOf([nameOf(table, row), ...linesOf(table, row)]);
      }}),
      xAxis: axis({type: log('x') ? 'log' : 'value', scale: true, name: cx.label + arrow(cx), nameGap: 30}),
      yAxis: axis({type: log('y') ? 'log' : 'value', scale: true, name: cy.label + arrow(cy), nameGap: small ? 46 : 60}),
      dataZoom: printing ? [] : [{type: 'inside', xAxisIndex: 0, zoomOnMouseWheel: 'ctrl', filterMode: 'none'},
        {type: 'inside', yAxisIndex: 0, zoomOnMouseWheel: 'ctrl', filterMode: 'none'}],
      series,
    });
  };
  const arrow = c => c.better ? c.better === 'max' ? '  (more is better)' : '  (less is better)' : '';
  let walk = -1;
  const chart = add('front', build, self => {
    self.instance.on('click', p => {
      if (p.componentType !== 'series' || p.seriesName === 'unbeaten in these two') return;
      openDesign(p.seriesName === 'evaluated' ? cloud : front, p.value[2]);
    });
  });
  if (!chart) return;
  /* Keys: arrows walk along the designs from left to right, Enter opens, Escape closes. */
  chart.element.onkeydown = event => {
    const step = {ArrowRight: 1, ArrowLeft: -1, ArrowUp: 1, ArrowDown: -1}[event.key];
    if (event.key === 'Escape' && opened) closeDesign();
    if (event.key === 'Enter' && walk >= 0) openDesign(front, walk, true);
    if (!step) return;
    event.preventDefault();
    const c = front.columns[choose.x.value], order = [];
    for (let i = 0; i < front.n; i++) if (passes(i) && isFinite(c.get(i))) order.push(i);
    if (!order.length) return;
    order.sort((a, b) => c.get(a) - c.get(b) || a - b);
    walk = order[(Math.max(order.indexOf(walk), step > 0 ? -1 : 0) + step + order.length) % order.length];
    const {series} = chart.instance.getOption();
    series.some((s, seriesIndex) => {
      if (s.type !== 'scatter' || s.name === 'evaluated' || s.name === 'best' || s.name === 'open') return false;
      for (let k = 0; k < s.data.length / 3; k++) {
        if (s.data[3 * k + 2] !== walk) continue;
        chart.instance.dispatchAction({type: 'showTip', seriesIndex, dataIndex: k});
        return true;
      }
      return false;
    });
  };
  listeners.push(() => chart.draw());
  /* A click on a row of the table opens its design. */
  for (let i = 0; i < front.n; i++) {
    const line = $('front-row-' + shownRow(i)), first = line && line.cells[0];
    if (!first) continue;
    const button = make('button', null, first.textContent, 'link');
    button.type = 'button';
    button.title = 'open this design';
    button.onclick = () => { openDesign(front, i, true); $('design').scrollIntoView({block: 'nearest'}); };
    first.textContent = '';
    first.append(button);
  }
};
