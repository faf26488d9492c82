# How does Spack build it? docs/install.md says what to type:
#
#   spack repo add packaging/spack && spack dev-build --source-path $PWD dse@main
#
# Names of packages and of build systems are those of Spack 0.22 and later.
from spack.package import *


class Dse(MakefilePackage):
    """Design-space exploration of accelerators that train neural networks: the
    Pareto front within limits of area, power and memory, with a proof of how
    good the best design is, alone or on many MPI ranks."""

    license("MIT")

    # There is no public archive yet: `dev-build` builds a clone as it lies.
    version("main", branch="main", git="file:///var/empty/dse")

    variant("mpi", default=True, description="Many ranks; without, one process")

    depends_on("c", type="build")
    depends_on("gmake", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi@3.1:", when="+mpi")
    depends_on("libconfig@1.5:")
    depends_on("gsl@2.7:")
    depends_on("jansson@2.14:")
    depends_on("xxhash@0.8:")
    depends_on("zlib-api")
    depends_on("glpk@5:")
    depends_on("protobuf-c@1.4:")
    # Of it only onnx.proto, from which the reader of ONNX files is made.
    depends_on("py-onnx", type="build")

    def onnx_proto(self):
        """The format's description, wherever py-onnx has it."""
        return find(self.spec["py-onnx"].prefix, "onnx.proto", recursive=True)[0]

    @property
    def settings(self):
        prefix, glpk = self.prefix, self.spec["glpk"].prefix
        return [
            f"PREFIX={prefix}",
            "SOURCES=",
            f"MPI={'yes' if self.spec.satisfies('+mpi') else 'no'}",
            "CC=cc",  # Spack's wrapper, which adds what the compiler needs
            f"ONNX_PROTO={self.onnx_proto()}",
            f"CFLAGS=-I{glpk.include} -Wno-error",
            f"LDFLAGS=-L{glpk.lib} -Wl,-rpath,{glpk.lib}",
        ]

    def build(self, spec, prefix):
        make(*self.settings, "all", "lib")

    def install(self, spec, prefix):
        make(*self.settings, "install")

    @run_after("install")
    @on_package_attributes(run_tests=True)
    def same_answers(self):
        Executable(self.prefix.bin.dse)("signature")
