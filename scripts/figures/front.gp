# Which designs are beaten by no other? Throughput over area, TDP as colour. Data: RESULTS/front.csv
file = results."/front.csv"
unset grid
set grid linecolor "#d8d8d8" linewidth 0.5
set xlabel "area (mm²)"
set ylabel "throughput (samples/s)"
set cblabel "TDP (W)" offset 1
set colorbox user origin 0.86, 0.2 size 0.03, 0.7
set rmargin at screen 0.83
set yrange [0:*]
unset key
plot file using "area_mm2":"throughput_samples_per_s":"tdp_w" with points pointtype 7 pointsize 0.5 palette
