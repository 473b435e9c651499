# The workflows of `.github` are what their schema allows.
check_schema --builtin-schema vendor.github-workflows .github/workflows/*.yml
