# shellcheck shell=bash
# What ./dev installs where it is missing: included by it, and using its step, note, die, quietly and have.

BROWSER_PACKAGES="chromium fonts-liberation"
# Whether somebody is there to type a password for sudo. Asked now: what runs below reads nothing from here.
INTERACTIVE=
if [[ -t 0 ]]; then INTERACTIVE=1; fi

# ---------------------------------------------------------------------------------------------- Debian packages

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif [[ -n $INTERACTIVE ]]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

APT_FRESH=
# apt_install WHY PACKAGE…
apt_install() {
  local why=$1
  shift
  have apt-get || die "$why is missing, and this is not a Debian machine: install what Debian calls $*, then try again"
  ((EUID == 0)) || have sudo || die "$why is missing: as root, apt-get install $*"
  note "installing $why with apt: $*"
  local options=(-o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=300)
  if [[ -z $APT_FRESH ]]; then
    quietly apt-update.log as_root timeout 300 apt-get "${options[@]}" update || die "apt-get update failed, so $why cannot be installed"
    APT_FRESH=1
  fi
  quietly apt-install.log as_root env DEBIAN_FRONTEND=noninteractive timeout 1200 \
    apt-get "${options[@]}" install -y --no-install-recommends "$@" || die "$why cannot be installed: apt-get install $* failed"
}

# ---------------------------------------------------------------------------------------------- Rust and wasm

need_rust() {
  have cargo || die "cargo is missing: install Rust from https://rustup.rs"
  local wanted found
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  found=$(rustc -V | cut -d' ' -f2)
  [[ $(printf '%s\n%s\n' "$wanted" "${found%%-*}" | sort -V | head -n1) == "$wanted" ]] ||
    die "Rust $wanted or later is needed, and rustc is $found: rustup update stable"
  have cc || apt_install "a C compiler (for the bundled SQLite)" gcc libc6-dev
}

# Whether this rustc can make WebAssembly, seen by doing it: a standard library left over from an older
# compiler of the same name looks installed and is useless.
makes_wasm() {
  mkdir -p "$TOOLS"
  have "$1" && printf '%s' 'pub fn probe() -> String { String::from("probe") }' |
    "$1" --edition 2024 --crate-type cdylib --crate-name probe --target $WASM_TARGET -o "$TOOLS/probe.wasm" - >/dev/null 2>&1
}

WASM_RUSTC=
find_wasm_rustc() {
  local candidate
  for candidate in rustc /usr/bin/rustc; do
    if makes_wasm "$candidate"; then
      WASM_RUSTC=$(command -v "$candidate")
      return 0
    fi
  done
  return 1
}

need_wasm() {
  find_wasm_rustc && return
  step "add the WebAssembly target"
  if have rustup; then
    note "rustup target add $WASM_TARGET"
    if RUSTUP_MAX_RETRIES=1 quietly rustup.log timeout 120 rustup target add $WASM_TARGET && find_wasm_rustc; then return; fi
    note "rustup could not add it"
  fi
  if have apt-get; then
    debian_wasm
    find_wasm_rustc && return
  fi
  die "no compiler here makes WebAssembly: rustup target add $WASM_TARGET"
}

# Debian carries a current Rust with its sources (rustc-web) but no standard library for WebAssembly: build
# that from exactly those sources and lay it where the compiler looks for it.
debian_wasm() {
  local cargo=/usr/bin/cargo rustc=/usr/bin/rustc
  if ! [[ -x $cargo && -x $rustc ]] || ! dpkg -s rust-web-src >/dev/null 2>&1; then
    apt_install "a Rust compiler with its sources" rustc-web cargo-web rust-web-src
  fi
  local sysroot host llvm lld library scratch
  sysroot=$($rustc --print sysroot)
  host=$($rustc -vV | sed -n 's/^host: //p')
  llvm=$($rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
  lld=/usr/lib/llvm-$llvm/bin/lld
  [[ -x $lld ]] || apt_install "the linker of LLVM $llvm" "lld-$llvm"
  if ! [[ -e $sysroot/lib/rustlib/$host/bin/rust-lld ]]; then
    as_root mkdir -p "$sysroot/lib/rustlib/$host/bin"
    as_root ln -sf "$lld" "$sysroot/lib/rustlib/$host/bin/rust-lld"
  fi
  note "building the standard library for $WASM_TARGET (under a minute)"
  scratch=$TOOLS/wasm-std
  rm -rf "$scratch"
  mkdir -p "$scratch/src"
  printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' >"$scratch/Cargo.toml"
  : >"$scratch/src/lib.rs"
  (cd "$scratch" && RUSTC_BOOTSTRAP=1 RUSTC=$rustc quietly wasm-std.log timeout 1200 \
    $cargo build --release -Zbuild-std=std,panic_abort --target $WASM_TARGET --target-dir "$scratch/target")
  library=$sysroot/lib/rustlib/$WASM_TARGET/lib
  rm -f "$scratch/target/$WASM_TARGET"/release/deps/libempty-*.rlib
  as_root rm -rf "$library"
  as_root mkdir -p "$library"
  as_root cp "$scratch/target/$WASM_TARGET"/release/deps/*.rlib "$library/"
  as_root chmod -R a+rX "$sysroot/lib/rustlib/$WASM_TARGET"
  rm -rf "$scratch"
}

# install_crate OPTIMISED NAME VERSION [OPTION…]: a crate's program, optimised so much, into target/tools.
install_crate() {
  local optimised=$1 name=$2 version=$3
  shift 3
  # Without --locked: its lock file may name a crate that a registry no longer, or not yet, has. It runs for
  # a second in each build, so its own compile time is what counts.
  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=$optimised CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_TARGET_DIR=$TOOLS/build cargo install --quiet --root "$TOOLS" --version "=$version" "$@" "$name"
  rm -rf "$TOOLS/build"
}

# wasm-bindgen's program must be of the very version of the library in Cargo.lock.
need_wasm_bindgen() {
  local version
  version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
  [[ -n $version ]] || die "Cargo.lock names no wasm-bindgen"
  WASM_BINDGEN=$TOOLS/bin/wasm-bindgen
  if [[ -x $WASM_BINDGEN && $("$WASM_BINDGEN" --version) == "wasm-bindgen $version" ]]; then return; fi
  if have wasm-bindgen && [[ $(wasm-bindgen --version) == "wasm-bindgen $version" ]]; then
    WASM_BINDGEN=$(command -v wasm-bindgen)
    return
  fi
  step "install wasm-bindgen $version (two to three minutes)"
  install_crate 1 wasm-bindgen-cli "$version"
}

# Splits the WebAssembly into what the first page needs and what is loaded later.
need_wasm_split() {
  local version
  version=$(sed -n 's/^wasm-split-version = "\(.*\)"/\1/p' Cargo.toml)
  WASM_SPLIT=$TOOLS/bin/wasm-split-cli
  if [[ -x $WASM_SPLIT && $(cat "$TOOLS/wasm-split.version" 2>/dev/null) == "$version" ]]; then return; fi
  step "install wasm-split $version (two to three minutes)"
  install_crate 1 wasm_split_cli_support "$version" --force --features build-binary
  printf '%s' "$version" >"$TOOLS/wasm-split.version"
}

need_site_tools() {
  need_rust
  need_wasm
  need_wasm_bindgen
  need_wasm_split
  need_node
}

# ---------------------------------------------------------------------------------------------- checks

# rustup's minimal profile has neither.
need_style_tools() {
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
  have rustup || die "rustfmt and clippy are missing: install those of this Rust"
  step "add rustfmt and clippy"
  quietly rustup.log rustup component add rustfmt clippy || die "rustfmt and clippy are missing: rustup component add rustfmt clippy"
}

# Holds the crates to deny.toml.
need_cargo_deny() {
  local version
  version=$(sed -n 's/^cargo-deny-version = "\(.*\)"/\1/p' Cargo.toml)
  CARGO_DENY=$TOOLS/bin/cargo-deny
  if [[ -x $CARGO_DENY && $("$CARGO_DENY" --version) == "cargo-deny $version" ]]; then return; fi
  step "install cargo-deny $version (under two minutes)"
  install_crate 0 cargo-deny "$version" --no-default-features
}

# ---------------------------------------------------------------------------------------------- Node, PostgreSQL, Chromium

need_node() {
  have node && have npm || die "Node.js 20 or later with npm is missing (Debian 12 has only an older one): https://nodejs.org"
  local major
  major=$(node -p 'process.versions.node.split(".")[0]')
  ((major >= 20)) || die "Node.js 20 or later is needed, and this is $(node -v)"
  cmp -s end2end/package-lock.json end2end/node_modules/.installed-lock && return
  step "install the npm tools"
  (cd end2end && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 quietly npm.log timeout 900 npm ci --no-audit --no-fund)
  cp end2end/package-lock.json end2end/node_modules/.installed-lock
}

POSTGRES_BIN=
find_postgres() {
  local folder
  if have initdb && have pg_ctl; then
    POSTGRES_BIN=$(dirname "$(readlink -f "$(command -v initdb)")")
    return 0
  fi
  for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV); do
    if [[ -x $folder/initdb && -x $folder/pg_ctl ]]; then
      POSTGRES_BIN=$folder
      return 0
    fi
  done
  return 1
}

need_postgres() {
  find_postgres && return
  step "install PostgreSQL for the tests"
  # Only its programs are wanted: the package must not start a server of its own on this machine.
  if ! dpkg -s postgresql-common >/dev/null 2>&1; then
    apt_install "PostgreSQL's common files" postgresql-common
    echo 'create_main_cluster = false' | as_root tee -a /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  apt_install "PostgreSQL" postgresql
  find_postgres || die "PostgreSQL is installed, but initdb is not in /usr/lib/postgresql/*/bin"
}

need_chromium() {
  local candidate
  for candidate in ${LATCHKEY_CHROMIUM:-} chromium chromium-browser google-chrome; do
    if have "$candidate"; then
      LATCHKEY_CHROMIUM=$(command -v "$candidate")
      export LATCHKEY_CHROMIUM
      return
    fi
  done
  step "install Chromium for the tests"
  # shellcheck disable=SC2086
  apt_install "Chromium" $BROWSER_PACKAGES
  LATCHKEY_CHROMIUM=$(command -v chromium) || die "Chromium is installed, but there is no chromium on PATH"
  export LATCHKEY_CHROMIUM
}
