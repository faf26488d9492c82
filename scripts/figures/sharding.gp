# How much less time than the baseline do layers take that are split over sets of boards? Mean and range over networks
# and speeds of links. Data: results/published/sharding/summary.csv
file = published."/sharding/summary.csv"
names = "best ga2 hypar_like all_w"
kinds = "CNN transformer heterogeneous"
set ylabel "less latency than the baseline (%)"
set yrange [0:100]
set xrange [0.5:3.5]
set xtics () scale 0
do for [k = 1:3] { set xtics add (word(kinds, k) k) }
set key outside top center horizontal
is(i, k) = strcol("algorithm") eq word(names, i) && strcol("networks") eq word(kinds, k) && strcol("less_than") eq "baseline" && strcol("overlap") eq "no"
plot for [i = 1:words(names)] for [k = 1:3] file using (k + 0.2 * (i - 2.5)): \
    (is(i, k) ? column("mean_percent") : NaN):"least_percent":"most_percent":(0.18) \
    with boxerrorbars linecolor rgb colour[i] fillstyle solid 0.7 border -1 title k == 1 ? word(names, i) : ""
