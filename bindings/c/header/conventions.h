/* ssecast: encode, parse and broadcast Server-Sent Events.
 *
 * This file is generated from bindings/c ('make header'); its changes are lost.
 *
 * Conventions
 *
 * Arguments come in one order: the handle, what goes in, what comes out, and the error's detail. What comes out is
 * written only when the call returns SSECAST_OK.
 *
 * Results. Every function that can fail returns an ssecast_result, and takes the address of an ssecast_error for the
 * detail, which may be NULL. Nothing is kept for a thread: what a call has to say, it says to its caller. A pointer that
 * is NULL and must not be is SSECAST_NULL_POINTER. Nothing is done, and nothing is lost, when a call fails.
 *
 * Handles are made by a _new function (or by the function of the hub that is named with it), and given back with the _free
 * function of their name, once; after that they must not be used. A _free function takes NULL. Unless it says otherwise,
 * any other call may be made for the same handle from any number of threads at once.
 *
 * Text and bytes are an ssecast_slice: a pointer and a length. What the caller passes is borrowed until the call returns,
 * and copied where it is needed longer.
 *
 * Structures that may grow begin with their size: call the init function with the structure's sizeof, then set what
 * differs; or make one that is zero but for its size, as a designated initializer does: zero is the default of every field.
 * A program that was compiled with an older header goes on working with a newer library.
 *
 * Callbacks say on which thread they run. They are called while no lock is held, so that they may call any function here,
 * but must not throw through the library, nor wait for something that their own thread does.
 *
 * Threads that the library starts block all signals but those of their own faults: signals are the program's.
 *
 * A process that forks: connections stay with the parent, and so do the listeners, subscriptions and parsers in use. A hub
 * that the child has from its parent is another one there from its first use on, found without any hook: it has the same
 * options and an epoch of its own, no history and no connections. What the child frees is only given back to the system.
 */
