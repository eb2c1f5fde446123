/** The fields of Kubernetes that our manifests use, and no others: a misspelt one is found here, not at midnight. */
import { type TSchema, Type } from 'typebox'

const object = <T extends Record<string, TSchema>>(fields: T) =>
  Type.Object(fields, { additionalProperties: false })
const { Optional, Array: list, String: text, Integer: integer, Record: keyed, Literal: only } = Type

const Name = text({ pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' })
const Quantity = text({ pattern: '^\\d+(m|k|Ki|Mi|Gi)?$' })
const Labels = keyed(text(), text())
const Metadata = object({ name: Name, labels: Optional(Labels), annotations: Optional(Labels) })
const Selector = object({ matchLabels: Labels })
const port = Type.Union([integer({ minimum: 1, maximum: 65_535 }), Name])

const Probe = object({
  httpGet: object({ path: text({ pattern: '^/' }), port }),
  periodSeconds: integer({ minimum: 1 }),
  timeoutSeconds: Optional(integer({ minimum: 1 })),
  failureThreshold: integer({ minimum: 1 }),
})

const Container = object({
  name: Name,
  image: text(),
  ports: list(object({ name: Name, containerPort: integer() })),
  envFrom: list(
    Type.Union([
      object({ configMapRef: object({ name: Name }) }),
      object({ secretRef: object({ name: Name, optional: only(true) }) }),
    ]),
  ),
  env: list(
    object({ name: text(), valueFrom: object({ secretKeyRef: object({ name: Name, key: text() }) }) }),
  ),
  lifecycle: Optional(object({ preStop: object({ exec: object({ command: list(text()) }) }) })),
  startupProbe: Probe,
  livenessProbe: Probe,
  readinessProbe: Probe,
  resources: object({
    requests: object({ cpu: Quantity, memory: Quantity }),
    limits: object({ memory: Quantity }),
  }),
  securityContext: object({
    allowPrivilegeEscalation: only(false),
    readOnlyRootFilesystem: only(true),
    capabilities: object({ drop: Type.Tuple([only('ALL')]) }),
  }),
  volumeMounts: list(object({ name: Name, mountPath: text() })),
})

const Deployment = object({
  apiVersion: only('apps/v1'),
  kind: only('Deployment'),
  metadata: Metadata,
  spec: object({
    selector: Selector,
    strategy: object({
      type: only('RollingUpdate'),
      rollingUpdate: object({ maxSurge: integer(), maxUnavailable: integer() }),
    }),
    template: object({
      metadata: object({ labels: Labels, annotations: Labels }),
      spec: object({
        automountServiceAccountToken: only(false),
        terminationGracePeriodSeconds: integer(),
        securityContext: object({
          runAsNonRoot: only(true),
          runAsUser: integer({ minimum: 1 }),
          runAsGroup: integer({ minimum: 1 }),
          fsGroup: integer({ minimum: 1 }),
          seccompProfile: object({ type: only('RuntimeDefault') }),
        }),
        topologySpreadConstraints: list(
          object({
            maxSkew: integer(),
            topologyKey: text(),
            whenUnsatisfiable: only('ScheduleAnyway'),
            labelSelector: Selector,
          }),
        ),
        containers: list(Container),
        volumes: list(object({ name: Name, emptyDir: object({ sizeLimit: Quantity }) })),
      }),
    }),
  }),
})

const Service = object({
  apiVersion: only('v1'),
  kind: only('Service'),
  metadata: Metadata,
  spec: object({
    type: Optional(only('LoadBalancer')),
    clusterIP: Optional(only('None')),
    externalTrafficPolicy: Optional(only('Local')),
    selector: Labels,
    ports: list(object({ name: Name, port: integer(), targetPort: port })),
  }),
})

const Autoscaler = object({
  apiVersion: only('autoscaling/v2'),
  kind: only('HorizontalPodAutoscaler'),
  metadata: Metadata,
  spec: object({
    scaleTargetRef: object({ apiVersion: only('apps/v1'), kind: only('Deployment'), name: Name }),
    minReplicas: integer(),
    maxReplicas: integer(),
    metrics: list(
      Type.Union([
        object({
          type: only('Resource'),
          resource: object({
            name: only('cpu'),
            target: object({ type: only('Utilization'), averageUtilization: integer() }),
          }),
        }),
        object({
          type: only('Pods'),
          pods: object({
            metric: object({ name: text() }),
            target: object({ type: only('AverageValue'), averageValue: Quantity }),
          }),
        }),
      ]),
    ),
    behavior: object({
      scaleDown: object({
        stabilizationWindowSeconds: integer({ maximum: 3_600 }),
        policies: list(object({ type: only('Pods'), value: integer(), periodSeconds: integer() })),
      }),
    }),
  }),
})

const Peer = object({ namespaceSelector: Optional(Selector), podSelector: Optional(Selector) })
const PolicyPort = object({ port, protocol: Optional(Type.Union([only('TCP'), only('UDP')])) })

const NetworkPolicy = object({
  apiVersion: only('networking.k8s.io/v1'),
  kind: only('NetworkPolicy'),
  metadata: Metadata,
  spec: object({
    podSelector: object({ matchLabels: Optional(Labels) }),
    policyTypes: list(Type.Union([only('Ingress'), only('Egress')])),
    ingress: Optional(list(object({ from: Optional(list(Peer)), ports: list(PolicyPort) }))),
    egress: Optional(list(object({ to: Optional(list(Peer)), ports: list(PolicyPort) }))),
  }),
})

export const KINDS = {
  Deployment,
  Service,
  NetworkPolicy,
  HorizontalPodAutoscaler: Autoscaler,
  PodDisruptionBudget: object({
    apiVersion: only('policy/v1'),
    kind: only('PodDisruptionBudget'),
    metadata: Metadata,
    spec: object({ maxUnavailable: integer(), selector: Selector }),
  }),
  ConfigMap: object({ apiVersion: only('v1'), kind: only('ConfigMap'), metadata: Metadata, data: Labels }),
  Namespace: object({ apiVersion: only('v1'), kind: only('Namespace'), metadata: Metadata }),
  Kustomization: object({
    apiVersion: only('kustomize.config.k8s.io/v1beta1'),
    kind: only('Kustomization'),
    namespace: Name,
    resources: list(text()),
    images: list(object({ name: text(), newTag: text() })),
  }),
} as const
