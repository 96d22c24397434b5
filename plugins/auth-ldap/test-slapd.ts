/** A real slapd of a test's own: on free ports of the loopback interface, with TLS and a certificate of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { execa } from 'execa'
import { findProgram, freePort } from '../../kernel/local-programs.ts'

const startTimeoutMs = 20_000

/** The program; undefined where it is not installed. */
export function findSlapd(): string | undefined {
  return findProgram('slapd')
}

/** For the `skip` option of tests that need a real server. */
export const skipWithoutSlapd: string | false = findSlapd() === undefined
  ? 'needs slapd: apt-get install slapd'
  : false

export interface TestSlapd {
  /** Without TLS until StartTLS. */
  readonly url: string
  readonly secureUrl: string
  /** The certificate of the server, in PEM. */
  readonly ca: string
  /** Stops it in the middle of whatever it does, as a machine that hangs. */
  freeze(): void
  thaw(): void
  stop(): Promise<void>
}

const organization = `dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people
`

/** Who may search the directory: `cn=searcher,dc=example,dc=com` with the password `search-password`. */
const searcher = `dn: cn=searcher,dc=example,dc=com
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: searcher
userPassword: search-password
`

/** The LDIF of a person below `ou=people`, whose mail address is `<uid>@example.com`. */
export function personEntry(uid: string, name: string, password: string): string {
  return `dn: uid=${uid},ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: ${uid}
cn: ${name}
sn: ${name}
mail: ${uid}@example.com
userPassword: ${password}
`
}

/**
 * Starts a server that refuses passwords in clear. It holds `dc=example,dc=com`, `ou=people`, a searcher, and these entries.
 * @param entries - LDIF, one entry each
 */
export async function startTestSlapd(...entries: readonly string[]): Promise<TestSlapd> {
  const program = findSlapd()
  if (program === undefined) throw new TypeError(String(skipWithoutSlapd))
  const directory = mkdtempSync(join(tmpdir(), 'webencode-slapd-'))
  mkdirSync(join(directory, 'db'))
  await makeCertificate(directory)
  const config = join(directory, 'slapd.conf')
  writeFileSync(config, configFrom(directory))
  const ldif = join(directory, 'entries.ldif')
  writeFileSync(ldif, [organization, searcher, ...entries].join('\n'))
  await execa(program, ['-T', 'add', '-f', config, '-l', ldif], { timeout: startTimeoutMs })
  const [port, securePort] = [await freePort(), await freePort()]
  const url = `ldap://127.0.0.1:${port}`
  const secureUrl = `ldaps://127.0.0.1:${securePort}`
  // `-d 0`: it stays in the foreground, ours to stop.
  const child = spawn(program, ['-f', config, '-h', `${url}/ ${secureUrl}/`, '-d', '0'], {
    stdio: 'ignore',
    detached: true,
  })
  const exited = once(child, 'exit')
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  await Promise.all([accepts(port), accepts(securePort)])
  const signal = (name: NodeJS.Signals) => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(child.pid, name)
  }
  return {
    url,
    secureUrl,
    ca: readFileSync(join(directory, 'cert.pem'), 'utf8'),
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async stop() {
      signal('SIGKILL')
      await exited
      process.off('exit', killWithUs)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function configFrom(directory: string): string {
  return `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile ${directory}/cert.pem
TLSCertificateKeyFile ${directory}/key.pem
security simple_bind=128
database mdb
suffix "dc=example,dc=com"
directory ${directory}/db
maxsize 10485760
rootdn "cn=admin,dc=example,dc=com"
rootpw root-password
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
`
}

async function makeCertificate(directory: string): Promise<void> {
  await execa('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=test directory',
    '-addext',
    'subjectAltName=IP:127.0.0.1,DNS:localhost',
    '-keyout',
    join(directory, 'key.pem'),
    '-out',
    join(directory, 'cert.pem'),
  ], { timeout: startTimeoutMs })
}

async function accepts(port: number): Promise<void> {
  const until = Date.now() + startTimeoutMs
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch (failure) {
      if (Date.now() > until) throw failure
      await new Promise((resolve) => setTimeout(resolve, 20))
    } finally {
      socket.destroy()
    }
  }
}
