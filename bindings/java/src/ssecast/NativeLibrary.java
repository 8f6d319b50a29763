package ssecast;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;

/** The C library: an installed one that {@code jna.library.path} names, the one that is packed with these classes, or the system's. */
final class NativeLibrary {
    /** Where it is packed, in a folder for each platform. */
    private static final String FOLDER = "/ssecast/native/";

    private NativeLibrary() {}

    static <T extends com.sun.jna.Library> T load(Class<T> type) {
        String file = System.mapLibraryName("ssecast");
        Path installed = installed(file);
        if (installed != null) return Calls.INSTANCE.load(installed.toString(), type);
        String platform = platform();
        try (InputStream packed = NativeLibrary.class.getResourceAsStream(FOLDER + platform + "/" + file)) {
            return packed == null ? ofSystem(platform, type) : unpacked(packed, file, type);
        } catch (IOException failure) {
            throw new UncheckedIOException("ssecast's library can't be written to " + System.getProperty("java.io.tmpdir")
                + ": name another folder with -Djava.io.tmpdir=...", failure);
        }
    }

    private static Path installed(String file) {
        for (String folder : System.getProperty("jna.library.path", "").split(System.getProperty("path.separator"))) {
            Path path = Path.of(folder, file).toAbsolutePath();
            if (!folder.isEmpty() && Files.exists(path)) return path;
        }
        return null;
    }

    private static <T extends com.sun.jna.Library> T unpacked(InputStream packed, String file, Class<T> type) throws IOException {
        Path folder = Files.createTempDirectory("ssecast-"), path = folder.resolve(file);
        try {
            Files.copy(packed, path, StandardCopyOption.REPLACE_EXISTING);
            return Calls.INSTANCE.load(path.toString(), type);
        } finally {
            // Once it is loaded, the system keeps it.
            Files.deleteIfExists(path);
            Files.delete(folder);
        }
    }

    private static <T extends com.sun.jna.Library> T ofSystem(String platform, Class<T> type) throws IOException {
        try {
            return Calls.INSTANCE.load("ssecast", type);
        } catch (UnsatisfiedLinkError | IllegalArgumentException missing) {
            UnsatisfiedLinkError error = new UnsatisfiedLinkError("there is no library of ssecast for " + platform + " here; the archive has "
                + packed() + ". Install one (make install-c PREFIX=...), and name its folder: -Djna.library.path=PREFIX/lib");
            error.initCause(missing);
            throw error;
        }
    }

    /** The platforms that are packed. */
    private static String packed() throws IOException {
        try (InputStream platforms = NativeLibrary.class.getResourceAsStream(FOLDER + "platforms")) {
            return platforms == null ? "none" : new String(platforms.readAllBytes(), StandardCharsets.UTF_8).strip().replace("\n", ", ");
        }
    }

    /** This platform, by the name that its folder has. */
    static String platform() {
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT), arch = System.getProperty("os.arch");
        String processor = switch (arch) {
            case "amd64", "x86_64" -> "x64";
            case "aarch64" -> "arm64";
            default -> arch;
        };
        if (os.startsWith("mac")) return "darwin-" + processor;
        if (os.startsWith("windows")) return "win32-" + processor;
        return os.equals("linux") ? "linux-" + processor + (runsOnMusl() ? "-musl" : "-gnu") : os + "-" + processor;
    }

    /** Whether the Java that runs was linked with musl. */
    private static boolean runsOnMusl() {
        try {
            return Files.readString(Path.of("/proc/self/maps")).contains("/ld-musl-");
        } catch (IOException unreadable) {
            return Files.exists(Path.of("/etc/alpine-release"));
        }
    }
}
