# What do all figures share? A column of a two-column paper, 8 point text, colours that the colour-blind tell apart
# (Okabe and Ito 2008) with dashes and shapes as a second code, CSV as it stands in the repository and in results folders.
set terminal pdfcairo size 3.4in, 2.4in font "Helvetica,8" linewidth 1.2 noenhanced
set datafile separator ','
set datafile columnheaders
set encoding utf8
set border 3 linecolor "#404040"
set tics nomirror out scale 0.5
set grid ytics linecolor "#d8d8d8" linewidth 0.5
set key top left Left reverse samplen 2 spacing 1.1 font ",7"
array colour[8]
colour[1] = "#0072b2"; colour[2] = "#d55e00"; colour[3] = "#009e73"; colour[4] = "#cc79a7"
colour[5] = "#56b4e9"; colour[6] = "#e69f00"; colour[7] = "#000000"; colour[8] = "#999999"
do for [i = 1:8] { set style line i linecolor rgb colour[i] linewidth 1.6 dashtype i pointtype 4 + i pointsize 0.5 }
set style fill solid 0.85 noborder
# viridis (Smith and van der Walt 2015), at nine of its points.
set palette defined (0 "#440154", 1 "#472c7a", 2 "#3b518b", 3 "#2c718e", 4 "#21908d", 5 "#27ad81", 6 "#5cc863", \
                     7 "#aadc32", 8 "#fde725")
