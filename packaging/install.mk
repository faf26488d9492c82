# How does it get where people use it? Included by the Makefile. docs/install.md is for those who type it.
#
#   make install PREFIX=/usr/local DESTDIR=     make uninstall     make deb
#
# The folders have the names of the GNU coding standards, so that packagers may set each of them.

lib: $(BUILD)/lib/libdse.a

# The library without MPI: everything but the program's own ends, as one object of which only dse/dse.h can be seen, so
# that none of our names meets one of a user's.
LIBRARY_SOURCES := $(foreach f,base workloads arch results search,$(SOURCES_$(f))) cluster/serial.c \
  $(filter-out cluster/serial.c cluster/mpi.c,$(CLUSTER_SOURCES)) $(SOURCES_dse)
$(BUILD)/lib/dse.o: $(call objects,$(LIBRARY_SOURCES)) $(BUILD)/onnx/onnx.pb-c.o
	@echo "  LD  $@"
	$(Q)mkdir -p $(@D); ld -r -o $@ $^ && objcopy --strip-debug --wildcard --keep-global-symbol='dse_*' $@
$(BUILD)/lib/libdse.a: $(BUILD)/lib/dse.o
	$(Q)rm -f $@; ar rcs $@ $<

# What is written for the place it goes to: the man page and the completions by the program itself.
GENERATED := $(addprefix $(BUILD)/packaging/,dse.1 dse.bash _dse dse.fish dse.pc modulefile)
$(BUILD)/packaging/dse.1: $(BUILD)/bin/dse
	$(Q)mkdir -p $(@D); $< --man > $@
$(BUILD)/packaging/dse.bash: $(BUILD)/bin/dse
	$(Q)mkdir -p $(@D); $< --completion bash > $@
$(BUILD)/packaging/_dse: $(BUILD)/bin/dse
	$(Q)mkdir -p $(@D); $< --completion zsh > $@
$(BUILD)/packaging/dse.fish: $(BUILD)/bin/dse
	$(Q)mkdir -p $(@D); $< --completion fish > $@
$(BUILD)/packaging/%: packaging/%.in FORCE
	$(Q)mkdir -p $(@D); sed -e 's|@PREFIX@|$(prefix)|g; s|@VERSION@|$(VERSION)|g; s|@BINDIR@|$(bindir)|g' \
	  -e 's|@LIBDIR@|$(libdir)|g; s|@INCLUDEDIR@|$(includedir)|g; s|@DATADIR@|$(datadir)|g; s|@MANDIR@|$(mandir)|g; s|@DOCDIR@|$(docdir)|g' \
	  -e 's|@PACKAGES@|$(PACKAGES)|g; s,^\(lib\|include\)dir=$(prefix)/,\1dir=$${prefix}/,' $< > $@.new; \
	  cmp -s $@.new $@ && rm $@.new || mv $@.new $@

PLACES = BUILD='$(BUILD)' VERSION='$(VERSION)' DESTDIR='$(DESTDIR)' bindir='$(bindir)' libdir='$(libdir)' \
  includedir='$(includedir)' datadir='$(datadir)' mandir='$(mandir)' docdir='$(docdir)' bashdir='$(bashdir)' \
  zshdir='$(zshdir)' fishdir='$(fishdir)' moduledir='$(moduledir)'
# READY=yes: all is made, nothing is looked at again.
install: $(if $(READY),,all lib $(GENERATED))
	$(Q)$(PLACES) packaging/install
uninstall:
	$(Q)$(PLACES) packaging/install remove

deb:
	$(Q)BUILD='$(ROOT_BUILD)' VERSION='$(VERSION)' COMMIT='$(COMMIT)' packaging/deb
