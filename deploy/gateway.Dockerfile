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
CMD ["node", "gateway/main.ts"]
