from crm.access.scope import readable, visible

__all__ = ["readable", "visible"]
