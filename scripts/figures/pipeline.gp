# Who was busy when in the pipeline of the chosen system? Data: bars.csv, made of RESULTS/trace-pipeline.json by
# scripts/figures/bars
load style_folder."/gantt.inc"
