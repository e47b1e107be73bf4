# How a `run` of tests/more gets what it needs. To be sourced, from the repository's root.

missing=()

fail() { printf '%s: %s\n' "${here:-$0}" "$1" >&2; exit 1; }

# need COMMAND [PACKAGE]: Debian's package, of the command's name unless it has another, where the command is missing.
need() { command -v "$1" > /dev/null || missing+=("${2-$1}"); }

# Installs what is missing.
install_missing() {
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get > /dev/null || fail "expected ${missing[*]}, or Debian with apt-get"
  printf 'installing %s\n' "${missing[*]}"
  apt-get -o DPkg::Lock::Timeout=300 update -qq
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends \
    "${missing[@]}" > /dev/null || fail "cannot install ${missing[*]}"
}

# Runs pytest on the folder $here with PyPI's packages of its requirements.txt, in the environment $venv.
run_pytest() {
  export PYTHONDONTWRITEBYTECODE=1
  exec "$venv/bin/python" -m pytest -p no:cacheprovider -ra --durations=5 "$here" "$@"
}

# install_python_packages [LIST FOLDER]: makes an environment of the packages of a list, anew when the list changes;
# $venv of $here's, unless said otherwise.
install_python_packages() {
  local list=${1-$here/requirements.txt} folder=${2-$venv}
  cmp -s "$list" "$folder/requirements.txt" && return
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$list"
  "$folder/bin/pip" check
  cp "$list" "$folder/requirements.txt"
}
