# How far above the lower bound is each mapper of jobs after so many samples? Mean over instances of the median of seeds.
# Data: results/published/tenancy/compare.csv
file = published."/tenancy/compare.csv"
names = "best magma ga de cma pso random"
set xlabel "samples"
set ylabel "makespan above the lower bound (%)"
set logscale xy
set xrange [80:13000]
set xtics (100, "1,000" 1000, "2,000" 2000, "10,000" 10000)
set key outside top center horizontal
marks = "100 1000 2000 10000"
set print $means
do for [m = 1:4] {
  row = word(marks, m)
  do for [i = 1:words(names)] {
    stats file using (strcol("algorithm") eq word(names, i) ? \
        100 * (column("at_".word(marks, m)) / column("lower_bound") - 1) : NaN) nooutput
    row = row.sprintf(",%.9g", STATS_mean)
  }
  if (m == 1) { print "samples,".names }
  print row
}
set print
plot for [i = 1:words(names)] $means using 1:(column(1 + i)) with linespoints linestyle i title word(names, i)
