"""The door of apps: SMART App Launch, OpenID Connect, backend services, and pages to allow them on."""
