# How much less time do layers on unlike devices take than after H2H's first step? Each network at each speed of links.
# Data: results/published/placement/table.csv
file = published."/placement/table.csv"
names = "best h2h-step4 peft heft"
set xlabel "speed of a link (MB/s)"
set ylabel "less latency than step 1 (%)"
set logscale x
set xrange [90:1700]
set xtics (125, 250, 500, 1250)
set key outside top center horizontal
plot for [i = 1:words(names)] file using (column("link_mbytes_per_s") * (1 + 0.03 * (i - 2))): \
    (strcol("algorithm") eq word(names, i) ? column("latency_less_percent") : NaN) \
    with points linestyle i pointsize 0.6 title word(names, i)
