# How near does each search for a partition come to the best known, sample by sample? Mean over the graphs that were held
# out. Data: results/published/partition/curves.csv
file = published."/partition/curves.csv"
names = "random annealing genetic ours scratch zeroshot finetune"
set xlabel "samples"
set ylabel "above the best known (%)"
set logscale xy
set key outside top center horizontal
set yrange [0.1:*]
marks = "1 2 5 10 20 50 100 200 400 800"
set print $means
print "samples ".names
do for [m = 1:words(marks)] {
  row = word(marks, m)
  do for [i = 1:words(names)] {
    stats file using (strcol("held") eq "out" && strcol("search") eq word(names, i) && \
        column("sample") == real(word(marks, m)) ? column("over_best_percent") : NaN) nooutput
    row = row.sprintf(" %.9g", STATS_mean)
  }
  print row
}
set print
set datafile separator whitespace
plot for [i = 1:words(names)] $means using 1:(column(1 + i)) with lines linestyle i title word(names, i)
