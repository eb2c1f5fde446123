# docker build -f deploy/gateway.Dockerfile .
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force

FROM node:24-slim
WORKDIR /app
# Writable for the compile cache alone; everything else belongs to root.
RUN install -d -o node -g node /var/cache/app
ENV NODE_ENV=production NODE_COMPILE_CACHE=/var/cache/app GATEWAY_HOST=0.0.0.0 GATEWAY_ADMIN_HOST=0.0.0.0
COPY --from=dependencies /app/node_modules node_modules
COPY package.json ./
COPY core/contract core/contract
COPY gateway gateway
USER node
EXPOSE 8080 8081
HEALTHCHECK --interval=5s --timeout=3s --start-period=15s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:'+(process.env.GATEWAY_ADMIN_PORT||8081)+'/readyz').then((r)=>process.exit(r.ok?0:1),()=>process.exit(1))"]
# Flags of V8, which it reads only as it starts (docs/performance.md). A gateway has one processor, on which the collector's
# helpers would only wait for each other. The less room there is for what is short-lived, the more a request costs: so
# there is all of it in one step, and it is given back after five minutes with nothing to do, not after some seconds,
# by a collection of everything under the next requests.
CMD ["node", "--no-parallel-scavenge", "--semi-space-growth-factor=32", "--lazy-new-space-shrinking", \
  "--gc-memory-reducer-start-delay-ms=300000", "gateway/main.ts"]
