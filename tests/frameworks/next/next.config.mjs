import { fileURLToPath } from 'node:url'
import { withSsecast } from 'ssecast/next'

// The package is a link to a folder beside the tests.
export default withSsecast({ turbopack: { root: fileURLToPath(new URL('../../..', import.meta.url)) } })
