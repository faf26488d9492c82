# How long is each different stage of a system busy with its own best design? Data: RESULTS/stages.csv
file = results."/stages.csv"
set xlabel "stage searched by itself, in the order of stages.csv"
set ylabel "busy in an iteration (s)"
set boxwidth 0.6
set yrange [0:*]
set xtics 1
set key outside top center horizontal
plot file using ($0 + 1):"load_s" with boxes linestyle 5 title "best design", \
     file using ($0 + 1):"bound_s" with points linestyle 2 linewidth 2 title "no design is faster"
