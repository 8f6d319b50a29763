/** @file
 * ssecast: encode, parse and broadcast Server-Sent Events.
 *
 * This file is generated from bindings/c ('make header'); its changes are lost.
 *
 * Conventions
 *
 * Arguments come in one order: the handle, what goes in, what comes out, and the error's detail. What comes out is
 * written only when the call returns SSECAST_OK.
 *
 * Results. Every function that can fail returns an ssecast_result. Its last argument is the address of an ssecast_error,
 * which it fills in when it fails, or NULL. The library keeps no last error for a thread. A required pointer that is NULL
 * is SSECAST_NULL_POINTER. A call that fails has changed nothing.
 *
 * Handles are made by a _new function (or by the function of the hub that is named with it), and given back with the _free
 * function of their name, once; after that they must not be used. A _free function takes NULL. Unless it says otherwise,
 * any other call may be made for the same handle from any number of threads at once.
 *
 * Text and bytes are an ssecast_slice: a pointer and a length. What the caller passes is borrowed until the call returns,
 * and copied where it is needed longer.
 *
 * Structures that may grow begin with their size. Call the init function with the structure's sizeof, then set the fields
 * that differ; or use a designated initializer that sets the size and these fields, because zero is the default of each.
 * A program that was compiled with an older header goes on working with a newer library.
 *
 * The documentation of a callback says on which thread it runs. The library holds no lock meanwhile, so that the callback
 * may call any function here. It must not throw through the library, and must not wait for work of its own thread.
 *
 * Threads that the library starts block all signals except those of their own faults: the program's threads handle signals.
 *
 * Forks. Connections, listeners and subscriptions stay with the parent. In the child, a hub of the parent's becomes a new,
 * empty hub at its first use: it has the same options, its own epoch, no history and no connections. Freeing the parent's
 * handles in the child only releases memory.
 */
