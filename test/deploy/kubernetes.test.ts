import { readdir, readFile } from 'node:fs/promises'
import t from 'tap'
import type { Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { parseAllDocuments } from 'yaml'
import * as core from '../../core/config.ts'
import * as gateway from '../../gateway/config.ts'
import { KINDS } from './kubernetes-kinds.ts'

const FOLDER = new URL('../../deploy/kubernetes/', import.meta.url)
const names = (await readdir(FOLDER)).sort()
const SECRETS: Record<string, string> = {
  IDENTITY_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64url')}`,
  JWT_SECRET: 'a-secret-of-sixteen-bytes',
  DATABASE_URL: 'postgres://im:password@postgres:5432/im',
  REDIS_URL: 'redis://:password@redis:6379',
  CORE_ADMIN_TOKEN: 'a-token-for-operators',
}

type Kind = keyof typeof KINDS
type Manifest<K extends Kind> = Static<(typeof KINDS)[K]>
const manifests: { file: string; kind: string; value: unknown }[] = []
for (const file of names)
  for (const document of parseAllDocuments(await readFile(new URL(file, FOLDER), 'utf8'))) {
    const value: unknown = document.toJS()
    manifests.push({ file, kind: String(Object(value).kind), value })
    t.same(document.errors, [], file)
  }

function one<K extends Kind>(kind: K, name: string): Manifest<K> {
  const found = manifests.find(
    ({ value }) => Object(value).kind === kind && Object(value).metadata?.name === name,
  )
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`)
  // Checked by the first test.
  return found.value as Manifest<K>
}

const deploymentOf = (name: string) => one('Deployment', name)
const podOf = (name: string) => deploymentOf(name).spec.template
const containerOf = (name: string) => podOf(name).spec.containers[0]!

t.test('every manifest has the fields that Kubernetes knows, and each file is applied', async (t) => {
  for (const { file, kind, value } of manifests) {
    if (!t.ok(kind in KINDS, `${file}: ${kind}`)) continue
    const [error] = Compile(KINDS[kind as Kind]).Errors(value)
    t.equal(error, undefined, `${file}: ${kind} ${Object(value).metadata?.name ?? ''}`)
  }
  const kustomization = manifests.find(({ kind }) => kind === 'Kustomization')
    ?.value as Manifest<'Kustomization'>
  t.same(
    [...kustomization.resources].sort(),
    names.filter((name) => name !== 'kustomization.yaml'),
  )
  const { version } = JSON.parse(await readFile(new URL('../../package.json', FOLDER), 'utf8'))
  t.same(
    kustomization.images.map(({ newTag }) => newTag),
    [version, version],
  )
})

for (const [name, parseConfig] of [
  ['gateway', gateway.parseConfig],
  ['core', core.parseConfig],
] as const)
  t.test(`the ${name}`, async (t) => {
    const container = containerOf(name)
    const image = await readFile(new URL(`../${name}.Dockerfile`, FOLDER), 'utf8')

    t.test('is started with settings that it knows and accepts', (t) => {
      const read = new Set<string>()
      const env = {
        ...one('ConfigMap', `im-${name}`).data,
        ...Object.fromEntries(container.env.map(({ name }) => [name, SECRETS[name]])),
      }
      const watched = new Proxy<Record<string, string | undefined>>(env, {
        get(target, key) {
          read.add(String(key))
          return target[String(key)]
        },
      })
      t.doesNotThrow(() => parseConfig(watched))
      for (const variable of Object.keys(env))
        t.ok(read.has(variable), `${variable} is a setting of the ${name}`)
      for (const { name, valueFrom } of container.env)
        t.strictSame(valueFrom.secretKeyRef, { name: 'im-secrets', key: name }, `${name} is a reference`)
      for (const secret of Object.keys(SECRETS)) t.notOk(secret in one('ConfigMap', `im-${name}`).data)
      t.end()
    })

    t.test('has the ports and the writable folders of its image', (t) => {
      const exposed = /^EXPOSE (.*)$/m.exec(image)?.[1]?.split(' ').map(Number)
      t.same(
        container.ports.map((port) => port.containerPort),
        exposed,
      )
      t.match(image, `NODE_COMPILE_CACHE=${container.volumeMounts[0]?.mountPath}`)
      const volumes = podOf(name).spec.volumes.map((volume) => volume.name)
      t.same(
        container.volumeMounts.map((mount) => mount.name),
        volumes,
      )
      const ports = new Set(container.ports.map((port) => port.name))
      for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe])
        t.ok(ports.has(String(probe.httpGet.port)))
      t.end()
    })

    t.test('is selected by everything that is meant for it', (t) => {
      const { labels } = podOf(name).metadata
      for (const selector of [
        deploymentOf(name).spec.selector.matchLabels,
        one('PodDisruptionBudget', name).spec.selector.matchLabels,
        one('Service', name).spec.selector,
        one('NetworkPolicy', name).spec.podSelector.matchLabels ?? {},
      ])
        for (const [label, value] of Object.entries(selector)) t.equal(labels[label], value)
      t.equal(one('HorizontalPodAutoscaler', name).spec.scaleTargetRef.name, name)
      t.ok(one('HorizontalPodAutoscaler', name).spec.minReplicas >= 2, 'one may go')
      t.end()
    })
    t.end()
  })

t.test('a pod has the time that its drain takes', (t) => {
  const { drain } = gateway.parseConfig({ ...SECRETS, ...one('ConfigMap', 'im-gateway').data })
  const graceMs = podOf('gateway').spec.terminationGracePeriodSeconds * 1_000
  const { periodSeconds, failureThreshold } = containerOf('gateway').readinessProbe
  t.ok(drain.delayMs + drain.timeoutMs + 5_000 <= graceMs, 'the gateway ends by itself')
  t.ok(drain.windowMs <= drain.timeoutMs, 'sockets are closed before the time is up')
  t.ok(drain.delayMs >= periodSeconds * failureThreshold * 1_000, 'it accepts as long as it is sent to')
  t.end()
})

t.test('nothing but gateways and monitoring reaches a core, and nothing is open by default', (t) => {
  const closed = one('NetworkPolicy', 'nothing').spec
  t.same(closed, { podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
  const [fromGateways, fromMonitoring, ...others] = one('NetworkPolicy', 'core').spec.ingress ?? []
  t.same(others, [])
  t.same(fromGateways, {
    from: [{ podSelector: { matchLabels: { 'app.kubernetes.io/name': 'gateway' } } }],
    ports: [{ port: 'public' }, { port: 'internal' }],
  })
  t.match(fromMonitoring, { from: [{ namespaceSelector: {} }], ports: [{ port: 'admin' }] })
  t.equal(one('Service', 'core').spec.type, undefined)
  const open = one('NetworkPolicy', 'gateway').spec.ingress?.filter((rule) => rule.from === undefined)
  t.same(open, [{ ports: [{ port: 'public' }] }], 'of the gateway the public port alone is everyone’s')
  t.end()
})

t.test('the gateway finds every core by name', (t) => {
  const { coreUrls, coreInternalUrl } = gateway.parseConfig({
    ...SECRETS,
    ...one('ConfigMap', 'im-gateway').data,
  })
  for (const url of [...coreUrls, coreInternalUrl]) {
    const { hostname, port } = new URL(url)
    const service = one('Service', hostname)
    const [{ targetPort, port: own } = { targetPort: '', port: 0 }] = service.spec.ports
    t.equal(String(own), port)
    const target = containerOf('core').ports.find((candidate) => candidate.name === targetPort)
    t.equal(
      String(target?.containerPort),
      port,
      `${url}: the same port, since a service without an address maps none`,
    )
  }
  t.equal(one('Service', 'core').spec.clusterIP, 'None')
  t.end()
})
