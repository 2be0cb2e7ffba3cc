from crm.access.scope import visible

__all__ = ["visible"]
