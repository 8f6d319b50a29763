package ssecast;

import com.sun.jna.Callback;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.ptr.ByReference;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.ref.Reference;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** Calls by the JDK's Foreign Function and Memory API. What is passed are the structures of JNA all the same. */
final class ForeignCalls extends Calls {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandles.Lookup HERE = MethodHandles.lookup();
    private static final AddressLayout ADDRESS = ValueLayout.ADDRESS;
    private static final MemoryLayout SLICE = MemoryLayout.structLayout(ADDRESS, ValueLayout.JAVA_LONG);
    private static final FunctionDescriptor PUBLISH =
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ADDRESS, SLICE, ADDRESS, ADDRESS, ADDRESS);

    /** Of the library of ssecast, once it is loaded. */
    private MethodHandle publish;

    @Override
    <T extends com.sun.jna.Library> T load(String library, Class<T> type) {
        SymbolLookup symbols = library.equals("c") ? LINKER.defaultLookup()
            : library.contains("/") ? SymbolLookup.libraryLookup(Path.of(library), Arena.global())
            : SymbolLookup.libraryLookup(System.mapLibraryName(library), Arena.global());
        Map<Method, Call> calls = new ConcurrentHashMap<>();
        symbols.find("ssecast_hub_publish").ifPresent(found -> publish = LINKER.downcallHandle(found, PUBLISH));
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type},
            (proxy, method, given) -> calls.computeIfAbsent(method, called -> new Call(symbols, called)).with(given)));
    }

    @Override
    int publish(Pointer hub, Publication publication) {
        MemorySegment topic = at(publication.topic()).reinterpret(SLICE.byteSize());
        try {
            return (int) publish.invokeExact(
                at(hub), topic, at(publication.event()), at(publication.published()), at(publication.failure()));
        } catch (Throwable impossible) {
            throw new AssertionError("a function of C throws nothing", impossible);
        } finally {
            Reference.reachabilityFence(publication);
        }
    }

    @Override
    <T extends Callback> Stub stub(Class<T> type, T function) {
        try {
            Method method = type.getMethods()[0];
            MethodHandle called = HERE.unreflect(method).bindTo(function);
            Class<?>[] parameters = method.getParameterTypes();
            for (int at = 0; at < parameters.length; at++) {
                if (parameters[at] == Pointer.class) called = MethodHandles.filterArguments(called, at, TO_POINTER);
                if (parameters[at] == Library.Slice.Value.class) called = MethodHandles.filterArguments(called, at, TO_SLICE);
            }
            Class<?> result = method.getReturnType();
            // What is thrown into C would end the process: JNA's handler gets it, as it does by JNA.
            MethodHandle zero = MethodHandles.collectArguments(MethodHandles.zero(result), 0, DEFECT.bindTo(function));
            called = MethodHandles.catchException(called, Throwable.class, zero);
            FunctionDescriptor descriptor = descriptor(result, layouts(parameters));
            MemorySegment stub = LINKER.upcallStub(called, descriptor, Arena.ofAuto());
            return new Stub(new Pointer(stub.address()), stub);
        } catch (IllegalAccessException impossible) {
            throw new AssertionError("the interfaces are of this package", impossible);
        }
    }

    private static final MethodHandle TO_POINTER = own("pointer", Pointer.class, MemorySegment.class);
    private static final MethodHandle TO_SLICE = own("slice", Library.Slice.Value.class, MemorySegment.class);
    private static final MethodHandle DEFECT = own("defect", void.class, Callback.class, Throwable.class);

    private static MethodHandle own(String name, Class<?> result, Class<?>... parameters) {
        try {
            return HERE.findStatic(ForeignCalls.class, name, MethodType.methodType(result, parameters));
        } catch (ReflectiveOperationException impossible) {
            throw new AssertionError(impossible);
        }
    }

    private static void defect(Callback function, Throwable thrown) {
        Native.getCallbackExceptionHandler().uncaughtException(function, thrown);
    }

    private static Pointer pointer(MemorySegment segment) {
        return segment.address() == 0 ? null : new Pointer(segment.address());
    }

    private static Library.Slice.Value slice(MemorySegment segment) {
        Library.Slice.Value slice = new Library.Slice.Value();
        slice.data = pointer(segment.get(ADDRESS, 0));
        slice.len = segment.get(ValueLayout.JAVA_LONG, ADDRESS.byteSize());
        return slice;
    }

    private static MemorySegment at(Pointer pointer) {
        return MemorySegment.ofAddress(Pointer.nativeValue(pointer));
    }

    private static FunctionDescriptor descriptor(Class<?> result, MemoryLayout[] parameters) {
        return result == void.class ? FunctionDescriptor.ofVoid(parameters) : FunctionDescriptor.of(layout(result), parameters);
    }

    private static MemoryLayout[] layouts(Class<?>... types) {
        return Stream.of(types).map(ForeignCalls::layout).toArray(MemoryLayout[]::new);
    }

    private static MemoryLayout layout(Class<?> type) {
        if (type == byte.class) return ValueLayout.JAVA_BYTE;
        if (type == short.class) return ValueLayout.JAVA_SHORT;
        if (type == int.class) return ValueLayout.JAVA_INT;
        if (type == long.class) return ValueLayout.JAVA_LONG;
        return type == Library.Slice.Value.class ? SLICE : ADDRESS;
    }

    /** A function, and what its arguments and its result are converted from and to. */
    private static final class Call {
        private final Class<?> result;
        private final MethodHandle handle;

        Call(SymbolLookup symbols, Method method) {
            MemorySegment function = symbols.find(method.getName())
                .orElseThrow(() -> new UnsatisfiedLinkError(method.getName() + " is not in the library: it has another version"));
            result = method.getReturnType();
            MemoryLayout[] parameters = layouts(method.getParameterTypes());
            MethodHandle exact = LINKER.downcallHandle(function, descriptor(result, parameters));
            handle = exact.asSpreader(Object[].class, exact.type().parameterCount())
                .asType(MethodType.methodType(Object.class, Object[].class));
        }

        Object with(Object[] given) throws Throwable {
            try (Arena arena = Arena.ofConfined()) {
                // A structure that is returned is written where this says.
                int first = result == Library.Slice.Value.class ? 1 : 0;
                Object[] passed = new Object[first + given.length];
                if (first == 1) passed[0] = (SegmentAllocator) arena;
                for (int at = 0; at < given.length; at++) passed[first + at] = passed(given[at], arena);
                Object returned = (Object) handle.invokeExact(passed);
                for (int at = 0; at < given.length; at++) takeBack(given[at], passed[first + at]);
                return returned(returned);
            } finally {
                Reference.reachabilityFence(given);
            }
        }

        private static Object passed(Object given, Arena arena) {
            return switch (given) {
                case null -> MemorySegment.NULL;
                case Structure structure -> {
                    structure.write();
                    MemorySegment segment = at(structure.getPointer());
                    yield structure instanceof Structure.ByValue ? segment.reinterpret(structure.size()) : segment;
                }
                case Pointer pointer -> at(pointer);
                case ByReference reference -> at(reference.getPointer());
                case String text -> arena.allocateFrom(text);
                case byte[] bytes -> arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
                default -> given;
            };
        }

        private static void takeBack(Object given, Object passed) {
            if (given instanceof Structure structure && !(given instanceof Structure.ByValue)) structure.read();
            if (given instanceof byte[] bytes) MemorySegment.copy((MemorySegment) passed, ValueLayout.JAVA_BYTE, 0, bytes, 0, bytes.length);
        }

        private Object returned(Object returned) {
            if (!(returned instanceof MemorySegment segment)) return returned;
            if (result == Pointer.class) return pointer(segment);
            if (result == String.class) return pointer(segment).getString(0, "UTF-8");
            return slice(segment);
        }
    }
}
