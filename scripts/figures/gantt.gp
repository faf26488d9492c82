# Who was busy when on the best design? The critical path in the second colour. Data: bars.csv, made of
# RESULTS/trace-best.json by scripts/figures/bars
load style_folder."/gantt.inc"
