# make deb             build/deb/postcoded_VERSION_ARCHITECTURE.deb, and what lintian says of it
#                      DEB_VERSION=0.1.1~test gives it another version
# make check-deb       DISTRO=trixie: builds it in a fresh tree; installs, upgrades, removes and
#                      purges it in another

DEB_VERSION ?= $(VERSION)
DEPS_DEB := build-essential debhelper dpkg-dev lintian man-db

.PHONY: deb check-deb

deb:
	@tests/deps $(DEPS_BUILD) $(DEPS_DEB)
	tests/package/build '$(DEB_VERSION)'

check-deb:
	tests/package/check $(or $(DISTRO),trixie)
