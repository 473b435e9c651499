# Servers that others run as caches and with workers, unpacked from Debian without root: nginx by HTTP, casd and justbuild by gRPC.
make_place
try_engines engines "nginx casd justbuild" engines::nginx_keeps_outputs engines::casd_keeps_outputs \
  engines::justbuild_takes_blobs_and_says_that_it_takes_no_results engines::casd_executes_steps engines::justbuild_executes_steps
