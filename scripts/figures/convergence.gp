# How soon is the best found, and how soon is it proven? Data: RESULTS/convergence.csv
file = results."/convergence.csv"
set xlabel "evaluations"
set ylabel "throughput (samples/s)"
set logscale x
set key bottom right
set yrange [0:*]
plot file using "evaluations":"best" with steps linestyle 1 title "best found", \
     file using "evaluations":"lower_bound" with lines linestyle 2 title "no design beats"
