# How many evaluations does each searcher need to come within 1 % of the proven optimum? Geometric mean of eleven
# networks; what counts where a search never did is said in results/published/search/README.md. Data:
# results/published/search/compare-summary.csv
file = published."/search/compare-summary.csv"
set terminal pdfcairo size 7.0in, 2.6in font "Helvetica,8" linewidth 1.2 noenhanced
names = "guided exact spotlight_like/tuned bayes/tuned confuciux_like/tuned phaze_like/tuned hill/tuned anneal/tuned genetic/tuned nsga2/tuned quasi random"
spaces = "wham wham-physical default-space"
shown = "'public space, public costs' 'public space, our costs' 'default space'"
set ylabel "evaluations within 1 %"
set logscale y
set boxwidth 0.25
set yrange [1:10000]
set xrange [0.4:words(names) + 0.6]
set xtics () rotate by -25 font ",7"
do for [i = 1:words(names)] { set xtics add (word(names, i) i) }
set key outside top center horizontal
plot for [s = 1:3] for [i = 1:words(names)] file using (i + 0.27 * (s - 2)): \
    (strcol("searcher") eq word(names, i) && strcol("space") eq word(spaces, s) && strcol("metric") eq "throughput" ? \
     column("evaluations_1pct") : NaN) with boxes linecolor rgb colour[s] title i == 1 ? word(shown, s) : ""
