# make check-systemd   the operator's page, line by line, under a systemd of its own (tests/systemd/run)
#
# DISTRO=trixie boots that release (the machine's own unless told); TREE=DIR a tree that is there
# already. Namespaces and mounts need root; where they are not permitted, it is skipped.

DISTRO ?=
TREE ?=

.PHONY: check-systemd
check-systemd: all $(BUILD)/driver/freeze
	DISTRO=$(DISTRO) TREE=$(TREE) tests/systemd/run $(BUILD)
