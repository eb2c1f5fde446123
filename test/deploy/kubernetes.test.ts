import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { IDeployment } from 'kubernetes-models/apps/v1'
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2'
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1'
import type { IConfigMap, INamespace, IService } from 'kubernetes-models/v1'
import t, { type Test } from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import * as core from '../../core/config.ts'
import * as gateway from '../../gateway/config.ts'

const run = promisify(execFile)
const FOLDER = fileURLToPath(new URL('../../deploy/kubernetes/', import.meta.url))
const TSCONFIG = fileURLToPath(new URL('../../tsconfig.json', import.meta.url))
const SECRETS: Record<string, string> = {
  IDENTITY_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64url')}`,
  JWT_SECRET: 'a-secret-of-sixteen-bytes',
  DATABASE_URL: 'postgres://im:password@postgres:5432/im',
  REDIS_URL: 'redis://:password@redis:6379',
  CORE_ADMIN_TOKEN: 'a-token-for-operators',
}

type Whole<T> = T extends object ? { [K in keyof T]-?: Whole<NonNullable<T[K]>> } : T
type Kinds = {
  ConfigMap: IConfigMap
  Deployment: IDeployment
  HorizontalPodAutoscaler: IHorizontalPodAutoscaler
  Namespace: INamespace
  NetworkPolicy: INetworkPolicy
  PodDisruptionBudget: IPodDisruptionBudget
  Service: IService
}
type Manifest = { apiVersion: string; kind: string; metadata?: { name?: string }; spec?: unknown }

const built = await run('kubectl', ['kustomize', FOLDER])
const manifests = parseAllDocuments(built.stdout).map((document): Manifest => document.toJS())

/** The manifests as a program: its types know every field that there is, running it checks the schemas. */
async function faultsOf(t: Test, manifests: readonly Manifest[]): Promise<string> {
  const lines = manifests.flatMap(({ apiVersion, kind, ...fields }, index) => [
    `import { ${kind} as Kind${index} } from 'kubernetes-models/${apiVersion}'`,
    `new Kind${index}(${JSON.stringify(fields)}).validate()`,
  ])
  const folder = t.testdir({
    'manifests.ts': lines.join('\n'),
    'tsconfig.json': JSON.stringify({ extends: TSCONFIG, files: ['manifests.ts'], include: [] }),
  })
  const failed = ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr
  const types = await run('tsc', ['-p', folder]).then(() => '', failed)
  return types || run(process.execPath, [`${folder}/manifests.ts`]).then(() => '', failed)
}

function one<K extends keyof Kinds>(kind: K, name: string): Whole<Kinds[K]> {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata?.name === name)
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`)
  // Of the published shape, as the first test finds.
  return found as Whole<Kinds[K]>
}

const deploymentOf = (name: string) => one('Deployment', name)
const podOf = (name: string) => deploymentOf(name).spec.template
const containerOf = (name: string) => podOf(name).spec.containers[0]!

t.test('the build is what Kubernetes’ published schemas say, to the last field', async (t) => {
  t.ok(manifests.length > 10)
  t.equal(await faultsOf(t, manifests), '')
})

t.test('a misspelt field, a value of another kind and a missing field are found', async (t) => {
  const { spec } = deploymentOf('core')
  for (const [wrong, fault] of [
    [{ ...spec, stratgy: {} }, /"stratgy"' does not exist/],
    [{ ...spec, minReadySeconds: 'five' }, /'string' is not assignable to type 'number'/],
    [{ ...spec, minReadySeconds: 1.5 }, /minReadySeconds must be integer/],
    [{ template: spec.template }, /"selector"' is missing/],
  ] as const)
    t.match(await faultsOf(t, [{ ...deploymentOf('core'), spec: wrong }]), fault)
})

t.test('each file is applied, with the images of this version', async (t) => {
  const kustomization = parse(await readFile(`${FOLDER}kustomization.yaml`, 'utf8'))
  const others = (await readdir(FOLDER)).filter((name) => name !== 'kustomization.yaml')
  t.same([...kustomization.resources].sort(), others.sort())
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  for (const name of ['gateway', 'core']) t.equal(containerOf(name).image, `imkit-gateway/${name}:${version}`)
})

t.test('a pod may do no more than a restricted namespace lets it', (t) => {
  for (const name of ['gateway', 'core']) {
    const { automountServiceAccountToken, securityContext } = podOf(name).spec
    t.equal(automountServiceAccountToken, false)
    t.match(securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
    t.same(containerOf(name).securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    t.match(containerOf(name).resources, {
      requests: { cpu: String, memory: String },
      limits: { memory: String },
    })
  }
  t.equal(one('Namespace', 'im').metadata.labels['pod-security.kubernetes.io/enforce'], 'restricted')
  t.end()
})

for (const [name, parseConfig] of [
  ['gateway', gateway.parseConfig],
  ['core', core.parseConfig],
] as const)
  t.test(`the ${name}`, async (t) => {
    const container = containerOf(name)
    const image = await readFile(`${FOLDER}../${name}.Dockerfile`, 'utf8')

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
