set encoding utf8
set terminal pngcairo noenhanced font 'DejaVu Sans,11' background rgb '#FFFFFF' size 1600,376
set label 'test.zct' at screen 0.06750,0.92553 left font 'DejaVu Sans:Bold,16' tc rgb '#000000' front
set label 'VIOLATION' at screen 0.98750,0.92553 right font 'DejaVu Sans:Bold,16' tc rgb '#D55E00' front
set label 'kernel 6.18.0, profile 6.18, 3 sends, 3 notified, 1 copied, 1 reused too early, 21 of 21 records matched, 0 lost' at screen 0.06750,0.84574 left font ',11' tc rgb '#404040' front
set object rectangle from screen 0.06750,0.77660 to screen 0.08375,0.73936 fs solid noborder fc rgb '#BDBDBD'
set label 'submitted' at screen 0.08875,0.75798 left font ',10.5' tc rgb '#404040' front
set object rectangle from screen 0.14763,0.77660 to screen 0.16387,0.73936 fs solid noborder fc rgb '#56B4E9'
set label 'attached to an skb' at screen 0.16887,0.75798 left font ',10.5' tc rgb '#404040' front
set object rectangle from screen 0.26853,0.77660 to screen 0.28478,0.73936 fs solid noborder fc rgb '#0072B2'
set label 'on the wire' at screen 0.28978,0.75798 left font ',10.5' tc rgb '#404040' front
set object rectangle from screen 0.35565,0.77660 to screen 0.37190,0.73936 fs solid noborder fc rgb '#F0E442'
set label 'released, not yet notified' at screen 0.37690,0.75798 left font ',10.5' tc rgb '#404040' front
set arrow from screen 0.51295,0.77926 to screen 0.51295,0.74734 nohead lw 2 lc rgb '#000000'
set label 'the request''s own CQE' at screen 0.52233,0.75798 left font ',10.5' tc rgb '#404040' front
set label '' at screen 0.64604,0.75798 point pt 7 ps 1.00 lc rgb '#009E73' front
set label 'reused, after the notification' at screen 0.65541,0.75798 left font ',10.5' tc rgb '#404040' front
set object rectangle from screen 0.80310,0.77660 to screen 0.81935,0.73936 fs solid border lc rgb '#000000' fc rgb '#D55E00' lw 1
set label 'REUSED, not yet notified' at screen 0.82435,0.75798 left font ',10.5' tc rgb '#404040' front
set label '' at screen 0.07187,0.69149 point pt 13 ps 1.50 lc rgb 'white' front
set label '' at screen 0.07187,0.69149 point pt 12 ps 1.50 lw 1.6 lc rgb 'black' front
set label 'the early reuse, at the latest here' at screen 0.08125,0.69149 left font ',10.5' tc rgb '#404040' front
set label '' at screen 0.25685,0.69149 point pt 5 ps 0.80 lc rgb '#D55E00' front
set label 'row with an early reuse' at screen 0.26623,0.69149 left font ',10.5' tc rgb '#404040' front
set object rectangle from screen 0.39099,0.71011 to screen 0.40724,0.67287 fs solid noborder fc rgb '#0072B2'
set object rectangle from screen 0.39099,0.71011 to screen 0.40724,0.67287 fs transparent pattern 4 noborder fc rgb '#FFFFFF'
set label 'copied by the kernel' at screen 0.41224,0.69149 left font ',10.5' tc rgb '#404040' front
set lmargin at screen 0.06750
set rmargin at screen 0.97750
set tmargin at screen 0.61170
set bmargin at screen 0.18617
unset key
set border 3 lc rgb '#595959'
set tics out nomirror scale 0.6 tc rgb '#404040'
set grid xtics lt 1 lw 1 lc rgb '#E6E6E6'
set grid back
set xrange [-3.07692308:283.36]
set yrange [2.5:-0.5]
set format x '%.6g'
set xlabel 'time since the first submission (us)' tc rgb '#404040'
set ytics font ',10' ('#1 ud=0x1' 0, '#2 ud=0x2' 1, '#3 ud=0x3' 2)
set object rectangle center first 239.00171,-0.21875 size first 81.3984487,0.5625 front fs solid border lc rgb '#D55E00' fc rgb '#FFFFFF' lw 2
set arrow from first 239.00171,0.0625 to first 239.00171,2 front filled size screen 0.009,18 lw 2 lc rgb '#000000'
set label 'send #3: reused 120 us before its notification' at first 239.00171,-0.21875 center front font 'DejaVu Sans:Bold,11' tc rgb '#D55E00'
plot '-' using 1:2:3:4 with boxxyerror fs solid noborder fc rgb '#BDBDBD', \
  '-' using 1:2:3:4 with boxxyerror fs solid noborder fc rgb '#56B4E9', \
  '-' using 1:2:3:4 with boxxyerror fs solid noborder fc rgb '#0072B2', \
  '-' using 1:2:3:4 with boxxyerror fs solid noborder fc rgb '#F0E442', \
  '-' using 1:2:3:4 with boxxyerror fs transparent pattern 4 noborder fc rgb '#FFFFFF', \
  '-' using 1:2:3:4 with boxxyerror fs solid border lc rgb '#000000' fc rgb '#D55E00' lw 1, \
  '-' using 1:2:3:4 with vectors nohead lw 2 lc rgb '#000000', \
  '-' using 1:2 with points pt 7 ps 1.19 lc rgb '#009E73', \
  '-' using 1:2 with points pt 13 ps 1.70 lc rgb 'white', \
  '-' using 1:2 with points pt 12 ps 1.70 lw 1.6 lc rgb 'black', \
  '-' using 1:2 with points pt 5 ps 1.02 lc rgb '#D55E00'
5 0 5 0.36
45 1 5 0.36
85 2 5 0.36
e
20 0 10 0.36
60 1 10 0.36
100 2 10 0.36
e
105 0 75 0.36
145 1 75 0.36
185 2 75 0.36
e
190 0 10 0.36
230 1 10 0.36
270 2 10 0.36
e
140 1 100 0.36
e
220 2.099 60 0.261
e
12 -0.41625 0 0.43625
52 0.58375 0 0.43625
92 1.58375 0 0.43625
e
210 0
250 1
e
160 2
e
160 2
e
-1.538461538 2
e
