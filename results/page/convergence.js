// How the search got there: the best so far after how many evaluations, and what no design can exceed.
const addConvergence = () => {
  const steps = data.steps;
  if (!steps) return;
  const x = f32(steps.evaluations), best = f32(steps.best), bound = f32(steps.bound);
  const pairs = values => [...x.keys()].filter(i => isFinite(values[i])).map(i => [x[i], values[i]]);
  const log = $('convergence-log');
  const build = chart => base(chart, {
    legend: legend({data: ['best so far', 'bound']}),
    grid: {left: narrow(chart.element) ? 62 : 78, right: 18, top: 34, bottom: 48},
    tooltip: tooltip({trigger: 'axis', axisPointer: {type: 'line', lineStyle: {color: color('soft')}}, formatter: list => {
      const i = x.indexOf(list[0].value[0]);
      return tipOf(['after ' + show(x[i]) + ' evaluations', ['best so far', show(best[i]) + unit(steps.unit)],
        ['bound', show(bound[i]) + unit(steps.unit)]]);
    }}),
    xAxis: axis({type: log && log.checked ? 'log' : 'value', scale: true, name: 'evaluations', nameGap: 30, min: 'dataMin', max: 'dataMax'}),
    yAxis: axis({type: 'value', scale: true, name: steps.metric + (steps.unit ? ' [' + steps.unit + ']' : ''),
      nameGap: narrow(chart.element) ? 46 : 60}),
    dataZoom: printing ? [] : [{type: 'inside', zoomOnMouseWheel: 'ctrl', filterMode: 'none'}],
    series: [
      {name: 'best so far', type: 'line', step: 'end', data: pairs(best), symbol: x.length > 60 ? 'none' : 'circle',
        symbolSize: 6, lineStyle: {color: hue(0), width: 2.2}, itemStyle: {color: hue(0)}},
      {name: 'bound', type: 'line', data: pairs(bound), symbol: 'none',
        lineStyle: {color: color('mark'), width: 2, type: 'dashed'}, itemStyle: {color: color('mark')}},
    ],
  });
  const chart = add('convergence', build);
  if (chart && log) log.onchange = () => chart.draw();
};
