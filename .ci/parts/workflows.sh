# The workflows of `.github` are what their schema allows.
pip_schema() { python3 -m venv "$2" && "$2/bin/pip" install --quiet --disable-pip-version-check "check-jsonschema==$1"; }
kept check-jsonschema 0.39.0 pip_schema 0.39.0
"$folder/bin/check-jsonschema" --builtin-schema vendor.github-workflows .github/workflows/*.yml
