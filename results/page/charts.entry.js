// What of ECharts does the report use? Everything else stays out of charts.min.js, which scripts/charts makes of this.
import {use, init, getInstanceByDom} from 'echarts/core';
import {BarChart, CustomChart, HeatmapChart, LineChart, ParallelChart, ScatterChart} from 'echarts/charts';
import {
  AriaComponent, BrushComponent, DataZoomComponent, GridComponent, LegendComponent, MarkLineComponent,
  ParallelComponent, TooltipComponent, VisualMapComponent,
} from 'echarts/components';
import {CanvasRenderer, SVGRenderer} from 'echarts/renderers';

use([
  BarChart, CustomChart, HeatmapChart, LineChart, ParallelChart, ScatterChart,
  AriaComponent, BrushComponent, DataZoomComponent, GridComponent, LegendComponent, MarkLineComponent,
  ParallelComponent, TooltipComponent, VisualMapComponent,
  CanvasRenderer, SVGRenderer,
]);
export {init, getInstanceByDom};
