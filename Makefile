# One non-recursive Makefile. `make help` says what there is.
#
# VARIANT=release|debug|asan|coverage   MPI=yes|no   CC=gcc|clang   BUILD=folder   V=1
VARIANT ?= release
MPI ?= yes
ifeq ($(origin CC),default)
CC := gcc
endif
ROOT_BUILD ?= build
BUILD ?= $(ROOT_BUILD)/$(VARIANT)$(if $(filter no,$(MPI)),-serial)$(if $(filter-out gcc,$(CC)),-$(notdir $(CC)))
ifneq ($(V),1)
Q := @
endif

PACKAGES := libconfig gsl jansson libxxhash zlib libprotobuf-c
# The ONNX format, from which the parser is made: of Debian's libonnx-dev, or of a Python package onnx.
ONNX_PROTO ?= $(firstword $(wildcard /usr/include/onnx/onnx.proto \
  /usr/lib*/python3*/*-packages/onnx/onnx.proto /usr/local/lib*/python3*/*-packages/onnx/onnx.proto) onnx.proto)
PLAIN_GOALS := help quickstart check deps clean uninstall deb format lint layers headers install-hooks
NEEDS_BUILD := $(if $(MAKECMDGOALS),$(filter-out $(PLAIN_GOALS),$(MAKECMDGOALS)),all)
ifneq ($(NEEDS_BUILD),)
MISSING := $(shell for p in $(PACKAGES); do pkg-config --exists $$p 2>/dev/null || echo $$p; done; \
  command -v protoc-c >/dev/null || echo protoc-c; [ -e $(ONNX_PROTO) ] || echo onnx.proto; \
  echo '\#include <glpk.h>' | $(CC) -E -x c - >/dev/null 2>&1 || echo glpk)
ifneq ($(MISSING),)
$(error these libraries are missing: $(MISSING). Run scripts/install-deps (Debian, Fedora), or install their -dev \
  packages$(if $(filter onnx.proto,$(MISSING)),; onnx.proto may lie anywhere: make ONNX_PROTO=FOLDER/onnx.proto))
endif
endif

# The one place that says what code may assume: no contraction, no fast-math (same bytes everywhere).
CSTD := -std=c17 -D_GNU_SOURCE
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith \
  -Wcast-qual -Wundef -Wformat=2 -Werror
OPT_release := -O2 -g
OPT_debug := -O0 -g3
OPT_asan := -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
OPT_coverage := -O0 -g --coverage
PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lglpk # which has no .pc file
CFLAGS_ALL := $(CSTD) $(WARN) -ffp-contract=off -I. $(OPT_$(VARIANT)) $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL := $(OPT_$(VARIANT)) $(LDFLAGS)
# Where `make install` puts things (packaging/install.mk); the data's place is compiled in.
PREFIX ?= /usr/local
prefix := $(abspath $(PREFIX))
bindir := $(prefix)/bin
libdir := $(prefix)/lib
includedir := $(prefix)/include
datadir := $(prefix)/share
mandir := $(datadir)/man
docdir := $(datadir)/doc/dse
bashdir := $(datadir)/bash-completion/completions
zshdir := $(datadir)/zsh/site-functions
fishdir := $(datadir)/fish/vendor_completions.d
moduledir := $(datadir)/modulefiles
# Where a program in a build tree looks for its data at last; packages leave it empty.
SOURCES := $(CURDIR)
VERSION := 0.1.0
COMMIT := $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)

ifeq ($(MPI),no)
CLUSTER_SOURCES := cluster/serial.c
else
# Open MPI's own words, then those of MPICH and its kin (whose MPI_STATUSES_IGNORE gcc takes for a short array).
MPI_CFLAGS := $(shell mpicc --showme:compile 2>/dev/null)
MPI_LIBS := $(shell mpicc --showme:link 2>/dev/null)
ifeq ($(MPI_LIBS),)
MPI_SHOW := $(wordlist 2,999,$(shell mpicc -show 2>/dev/null))
MPI_CFLAGS := $(filter -I% -D%,$(MPI_SHOW)) $(if $(findstring clang,$(CC)),,-Wno-stringop-overflow)
MPI_LIBS := $(filter-out -I% -D%,$(MPI_SHOW))
endif
ifneq ($(NEEDS_BUILD),)
ifeq ($(MPI_LIBS),)
$(error mpicc was not found. Run scripts/install-deps, or build with MPI=no)
endif
endif
CLUSTER_SOURCES := cluster/mpi.c
endif
CLUSTER_SOURCES += $(filter-out cluster/serial.c cluster/mpi.c,$(wildcard cluster/*.c))

FOLDERS := base workloads arch results search cluster dse
SOURCES_base := $(wildcard base/*.c)
SOURCES_workloads := $(wildcard workloads/*.c)
SOURCES_arch := $(wildcard arch/*.c)
SOURCES_results := $(wildcard results/*.c)
SOURCES_search := $(wildcard search/*.c search/*/*.c)
SOURCES_cluster := $(CLUSTER_SOURCES)
SOURCES_dse := $(filter-out dse/main.c,$(wildcard dse/*.c dse/*/*.c))
HEADERS := $(wildcard $(addsuffix /*.h,$(FOLDERS)) search/*/*.h dse/*/*.h tests/*.h)

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
library = $(BUILD)/lib$(1).a
LIBS_base := base
LIBS_workloads := workloads base
LIBS_arch := arch workloads base
LIBS_results := results base
LIBS_search := search results base
LIBS_cluster := cluster base
LIBS_dse := dse cluster search results arch workloads base

.PHONY: all help deps quickstart compile check test nightly published published-quick bench lint layers headers format clean
.PHONY: figures man lib install uninstall deb FORCE
.SECONDARY:
.DELETE_ON_ERROR:
all: $(BUILD)/bin/dse $(ROOT_BUILD)/dse

help:
	@echo 'make                build $(ROOT_BUILD)/dse (VARIANT=release|debug|asan|coverage, MPI=yes|no, CC=gcc|clang)'
	@echo 'make quickstart     install what is missing, build, run the main job on two ranks'
	@echo 'make check          install what is missing, build, run every test'
	@echo 'make test           the tests alone; ONLY=pattern picks by file name'
	@echo 'make nightly        hundreds of kills, every crash point, fuzzing; PARTS=... picks'
	@echo 'make published      the tables of results/published anew (hours); make published-quick: a sample, compared'
	@echo 'make compile        the program, tests and benchmarks, without running any'
	@echo 'make bench          speed figures (ratios and rates, measured in this run)'
	@echo 'make lint layers headers   style, include rules, headers that compile alone'
	@echo 'make format         clang-format everything'
	@echo 'make figures        figures for a paper, PDF, in $(ROOT_BUILD)/figures (gnuplot); FIGURES picks'
	@echo 'make man            $(ROOT_BUILD)/dse.1, from the tables behind --help'
	@echo 'make lib            libdse.a, the library behind dse/dse.h, without MPI'
	@echo 'make install        PREFIX=/usr/local DESTDIR=   (uninstall removes the same; docs/install.md)'
	@echo 'make deb            Debian packages of this tree, in $(ROOT_BUILD)/deb'

# --- building -------------------------------------------------------------------------------------------------------
# Objects depend on the flags they were made with: a changed flag rebuilds, an unchanged one does not.
$(BUILD)/flags: FORCE
	$(Q)mkdir -p $(@D); printf '%s\n' '$(CC) $(CFLAGS_ALL) $(MPI_CFLAGS) $(LDFLAGS_ALL)' > $@.new; \
	  cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(BUILD)/build_version.h: FORCE
	$(Q)mkdir -p $(@D); printf '#define DSE_%s "%s"\n' \
	  VERSION '$(VERSION)' COMMIT '$(COMMIT)' FLAGS '$(CC) $(OPT_$(VARIANT)) MPI=$(MPI)' SOURCES '$(SOURCES)' \
	  DATA '$(datadir)/dse' > $@.new; \
	  cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(BUILD)/cluster/%.o: CFLAGS_EXTRA := $(MPI_CFLAGS)
$(BUILD)/dse/commands/version.o: CFLAGS_EXTRA := -I$(BUILD)
$(BUILD)/dse/commands/version.o: $(BUILD)/build_version.h
# The parser of ONNX files is made from the format's own description; the files that read it include it.
$(BUILD)/onnx/onnx.pb-c.c: $(ONNX_PROTO)
	@echo "  PB  $<"
	$(Q)mkdir -p $(@D); protoc-c -I$(dir $<) --c_out=$(@D) $(notdir $<)
$(BUILD)/onnx/onnx.pb-c.h: $(BUILD)/onnx/onnx.pb-c.c ;
$(BUILD)/onnx/onnx.pb-c.o: $(BUILD)/onnx/onnx.pb-c.c $(BUILD)/flags
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
ONNX_READERS := $(addprefix $(BUILD)/workloads/,onnx_read.o onnx_tensor.o onnx_inline.o)
$(ONNX_READERS): CFLAGS_EXTRA := -I$(BUILD)/onnx
$(ONNX_READERS): $(BUILD)/onnx/onnx.pb-c.h
$(call library,workloads): $(BUILD)/onnx/onnx.pb-c.o
# The report's own files are read by the assembler.
$(BUILD)/results/report_page.o: $(wildcard results/page/*)
$(BUILD)/%.o: %.c $(BUILD)/flags
	@echo "  CC  $<"
	$(Q)mkdir -p $(@D); $(CC) $(CFLAGS_ALL) $(CFLAGS_EXTRA) -MMD -MP -c -o $@ $<

define library_rule
$(call library,$(1)): $(call objects,$(SOURCES_$(1)))
	$(Q)rm -f $$@; ar rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call library_rule,$(f))))

$(BUILD)/bin/dse: $(BUILD)/dse/main.o $(foreach l,$(LIBS_dse),$(call library,$(l)))
	@echo "  LD  $@"; mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(MPI_LIBS) $(PKG_LIBS) -lm
# The plain name is always the variant built last.
$(ROOT_BUILD)/dse: $(BUILD)/bin/dse FORCE
	$(Q)ln -sfn $(patsubst $(ROOT_BUILD)/%,%,$(BUILD)/bin/dse) $@

include packaging/install.mk

# --- tests ----------------------------------------------------------------------------------------------------------
# tests/<kind>/<folder>/test_*.c links the folder's library and what lies under it; programs judge, scripts compare.
TEST_SOURCES := $(wildcard tests/unit/*/test_*.c tests/property/*/test_*.c tests/golden/*/test_*.c)
TESTS := $(patsubst %.c,$(BUILD)/%,$(TEST_SOURCES))
TEST_SCRIPTS := $(wildcard tests/cli/*.sh tests/mpi/*.sh)
test_folder = $(word 3,$(subst /, ,$(1)))
define test_rule
$(BUILD)/$(basename $(1)): $(BUILD)/$(basename $(1)).o $(foreach l,$(LIBS_$(call test_folder,$(1))),$(call library,$(l)))
	@echo "  LD  $$@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $$@ $$^ $(if $(filter cluster dse,$(call test_folder,$(1))),$(MPI_LIBS)) $(PKG_LIBS) -lcmocka -lm
endef
$(foreach t,$(TEST_SOURCES),$(eval $(call test_rule,$(t))))

# Debian's C++ edition of PCG is the judge of ours.
$(BUILD)/tests/pcg_reference: tests/unit/base/pcg_reference.cc
	$(Q)mkdir -p $(@D); g++ -O1 -o $@ $<
$(BUILD)/tests/unit/base/test_rng: | $(BUILD)/tests/pcg_reference

# A library put before the program's own calls, which fails or kills at one of them; the program knows nothing of it.
$(BUILD)/tests/fault.so: tests/fault/fault.c $(BUILD)/flags
	@echo "  LD  $@"
	$(Q)mkdir -p $(@D); $(CC) $(CSTD) $(WARN) -O1 -g -shared -fPIC -o $@ $< -ldl

test: all lib $(GENERATED) $(TESTS) $(BUILD)/tests/pcg_reference $(BUILD)/tests/fault.so
	$(Q)BUILD=$(BUILD) MPI=$(MPI) ONLY='$(ONLY)' scripts/run-tests $(TESTS) $(TEST_SCRIPTS)

check:
	$(Q)scripts/install-deps check
	$(Q)$(MAKE) --no-print-directory -j"$$(nproc)" test

quickstart:
	$(Q)scripts/install-deps
	$(Q)$(MAKE) --no-print-directory -j"$$(nproc)" all
	$(Q)scripts/quickstart $(ROOT_BUILD)/dse

deps:
	$(Q)scripts/install-deps

# --- benchmarks -----------------------------------------------------------------------------------------------------
BENCH_SOURCES := $(wildcard tests/bench/bench_*.c)
BENCHES := $(patsubst %.c,$(BUILD)/%,$(BENCH_SOURCES))
$(BUILD)/tests/bench/bench_%: $(BUILD)/tests/bench/bench_%.o $(foreach l,$(LIBS_dse),$(call library,$(l)))
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(MPI_LIBS) $(PKG_LIBS) -lm
bench: all $(BENCHES)
	$(Q)scripts/run-bench $(BENCHES)
# PDFs for a paper, into build/figures; FIGURES="front tenancy" picks.
figures: all
	$(Q)BUILD=$(BUILD) scripts/figures/make $(ROOT_BUILD)/figures $(FIGURES)
compile: all $(TESTS) $(BENCHES) $(BUILD)/tests/pcg_reference $(BUILD)/tests/fault.so

# Hours: hundreds of kills, every crash point, fuzzing, the largest sweep. PARTS="kills fuzz" picks.
nightly: all $(BUILD)/tests/fault.so
	$(Q)BUILD=$(BUILD) scripts/nightly $(PARTS)

# The published tables, hours: each part is written when it is done, PARTS="sharding wham" goes on with these alone.
published: all
	$(Q)scripts/published --dse $(ROOT_BUILD)/dse $(PARTS) && scripts/published-index
# Minutes: rows of a sample must be those that are published, byte for byte.
published-quick: all
	$(Q)scripts/published --quick --dse $(ROOT_BUILD)/dse $(PARTS)

# --- the house's rules ----------------------------------------------------------------------------------------------
C_FILES := $(shell git ls-files --cached --others --exclude-standard '*.c' '*.h' 2>/dev/null)
lint:
	$(Q)clang-format --dry-run -Werror $(C_FILES)
	$(Q)cppcheck --quiet --std=c11 --language=c --error-exitcode=1 --inline-suppr --enable=warning,portability \
	  --suppress=missingIncludeSystem --suppress=preprocessorErrorDirective -D__GNUC__ -I. \
	  $(filter-out tests/%,$(filter %.c,$(C_FILES)))
	$(Q)shellcheck -x .ci/run $$(grep -lE '^#!.*(ba)?sh' scripts/* scripts/*/* tests/*/*.sh tests/*/* 2>/dev/null | sort -u)
	$(Q)scripts/charts check
	@echo 'lint: clean'
layers:
	$(Q)scripts/check-layers
headers: $(BUILD)/onnx/onnx.pb-c.h
	$(Q)for h in $(HEADERS); do \
	  $(CC) $(CSTD) $(WARN) -I. -I$(BUILD)/onnx $(PKG_CFLAGS) -fsyntax-only -x c $$h || exit 1; done; echo 'headers: each compiles alone'
format:
	$(Q)clang-format -i $(C_FILES)

man: all
	$(Q)$(ROOT_BUILD)/dse --man > $(ROOT_BUILD)/dse.1

clean:
	rm -rf $(ROOT_BUILD)

FORCE:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
