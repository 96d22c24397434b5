/** The facts of the plugin protocol that the kernel and the plugins share. */

/** The version of the plugin protocol: handshake and .proto files. */
export const protocolVersion = '1'
/** Name of the socket that a sandboxed plugin may listen at, in the folder that it is told. */
export const socketName = 'plugin.sock'
